"""The ten iris points of a head whose eyeballs are spheres that turn rigidly with their joints.

MediaPipe's order, as seen on ten points: right centre, then its edge towards +x, +y, -x, -y; the same for
the left.
"""

import numpy as np

from pegasus_jax.flame.frontal import front_triangle
from pegasus_jax.flame.model import HEAD_UNITS_PER_METRE, Embedding

IRIS_RADIUS = 0.0059 * HEAD_UNITS_PER_METRE  # the iris is 11.7 mm wide with very little spread among people
LEFT_EYE_JOINT, RIGHT_EYE_JOINT = 3, 4
_EDGES = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]], np.float64)
_RIGID = 0.99  # skinning weight above which a vertex belongs to the eyeball alone


def eyeball_vertices(lbs_weights: np.ndarray, joint: int) -> np.ndarray:
    """Which vertices (V,) bool turn with eye `joint` alone; `lbs_weights` (V, 5)."""
    return lbs_weights[:, joint] > _RIGID


def iris_embedding(v_template: np.ndarray, faces: np.ndarray, lbs_weights: np.ndarray) -> Embedding | None:
    """Iris points of a head looking along +z, or None if it has no eyeballs of their own.

    `v_template` (V, 3) head units, `faces` (F, 3), `lbs_weights` (V, 5).
    """
    found = []
    for joint in (RIGHT_EYE_JOINT, LEFT_EYE_JOINT):
        triangles = np.flatnonzero(eyeball_vertices(lbs_weights, joint)[faces].all(axis=1))
        if not len(triangles):
            return None
        corners = v_template[faces[triangles]].astype(np.float64)
        extent = corners.reshape(-1, 3)
        centre = (extent.min(0) + extent.max(0))[:2] / 2.0
        found += [front_triangle(corners, triangles, centre + IRIS_RADIUS * edge) for edge in _EDGES]
    faces_idx, bary = zip(*found)
    return Embedding(np.array(faces_idx, np.int32), np.array(bary, np.float32))
