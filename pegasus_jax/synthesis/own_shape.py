"""A facial part keeps its own shape on another head.

Driven by the target's betas, a donor's nose becomes the target's: betas say how noses differ, so nothing of it would be
left to learn. So the points of the part, and less and less those around it, move from the target's shape back to the
donor's. What the two shapes differ by on the part's border is taken off, so that the part sits on the face that wears
it. Not in the papers.
"""

import numpy as np
import scipy.spatial
from jax.typing import ArrayLike

from pegasus_jax.core.avatar import HasPrimitives

_BORDER = 0.04  # head units (a unit is 25 cm) around the part
_FADE = 0.08


def own_shape_offsets(donor: HasPrimitives, of_part: np.ndarray, betas: ArrayLike) -> np.ndarray:
    """What to add (N, 3), at rest, so that a part keeps the donor's shape when it is rendered with other `betas`.

    `of_part` (N,) bool says which primitives are the part's.
    """
    if not of_part.any() or of_part.all():
        return np.zeros((len(of_part), 3), np.float32)
    points = donor.anchors
    distance, _ = scipy.spatial.cKDTree(points[of_part]).query(points)
    by_vertex = np.asarray(donor.head.shapedirs) @ (np.asarray(donor.betas) - np.asarray(betas))
    offset = by_vertex[donor.vertices]
    border = ~of_part & (distance < _BORDER)
    if border.any():
        offset = offset - offset[border].mean(axis=0)
    return offset * np.clip(1.0 - distance / _FADE, 0.0, 1.0)[:, None]
