"""The ten iris points of a head whose eyeballs are spheres that turn rigidly with their joints.

MediaPipe's order, as seen on ten points: right centre, then its edge towards +x, +y, -x, -y; the same for
the left.
"""

import numpy as np

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
        found += [_front_triangle(corners, triangles, centre + IRIS_RADIUS * edge) for edge in _EDGES]
    faces_idx, bary = zip(*found)
    return Embedding(np.array(faces_idx, np.int32), np.array(bary, np.float32))


def _front_triangle(corners: np.ndarray, triangles: np.ndarray, xy: np.ndarray) -> tuple[int, np.ndarray]:
    """The foremost triangle behind `xy` and its barycentrics there; the nearest one if none is hit."""
    a, b, c = (corners[:, i, :2] for i in range(3))
    area = _cross(b - a, c - a)
    safe = np.where(np.abs(area) < 1e-15, np.inf, area)
    bary = (
        np.stack([_cross(b - xy, c - xy), _cross(c - xy, a - xy), _cross(a - xy, b - xy)], -1) / safe[:, None]
    )
    depth = (bary * corners[:, :, 2]).sum(-1)
    inside = (bary.min(-1) >= -1e-6) & np.isfinite(safe)
    if inside.any():
        best = int(np.flatnonzero(inside)[depth[inside].argmax()])
        return int(triangles[best]), bary[best]
    middle = corners.mean(1)
    best = int((np.linalg.norm(middle[:, :2] - xy, axis=-1) - middle[:, 2]).argmin())
    return int(triangles[best]), np.full(3, 1.0 / 3.0)


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
