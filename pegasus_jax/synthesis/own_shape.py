"""A facial part keeps its own shape on another head.

Driven by the target's betas, a donor's nose becomes the target's: betas say how noses differ, so nothing of it would be
left to learn. So the points of the part, and less and less those around it, move from the target's shape back to the
donor's. What the two shapes differ by on the part's border is taken off, so that the part sits on the face that wears
it. Not in the papers.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.families.points.baked import BakedAvatar

_BORDER = 0.04  # head units (a unit is 25 cm) around the part
_FADE = 0.08


def keep_own_shape(donor: BakedAvatar, of_part: np.ndarray, betas: jax.Array) -> BakedAvatar:
    """The donor, whose part, its points `of_part` (N,) bool, keeps its shape when it is rendered with other `betas`."""
    if not of_part.any() or of_part.all():
        return donor
    points = np.asarray(donor.points.x_fc)
    distance, _ = scipy.spatial.cKDTree(points[of_part]).query(points)
    by_vertex = np.asarray(donor.space.head.shapedirs) @ np.asarray(donor.betas - betas)
    offset = by_vertex[np.asarray(donor.points.rest.nearest)]
    border = ~of_part & (distance < _BORDER)
    if border.any():
        offset = offset - offset[border].mean(axis=0)
    offset *= np.clip(1.0 - distance / _FADE, 0.0, 1.0)[:, None]
    return moved(donor, offset)


def moved(avatar: BakedAvatar, offset: np.ndarray) -> BakedAvatar:
    """The avatar whose points, in rest pose, are `offset` (N, 3) from where they were."""
    rest = avatar.points.rest
    positions = rest.positions_rest.at[:, 0].add(jnp.asarray(offset.T, jnp.float32))
    points = dataclasses.replace(avatar.points, rest=dataclasses.replace(rest, positions_rest=positions))
    return dataclasses.replace(avatar, points=points)
