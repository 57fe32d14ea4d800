"""Places with known skinning weights, all over the head and on a still body below it, for what lies off the skin.

Head models end at the neck. Clothes below the rim stay where they are, and hair that hangs there turns less the lower
it is, so the head is continued by shoulders that only the root moves. Off the skin nothing opens with the jaw or turns
with the eyes: both count as the skull.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.spread import farthest_first

_ON_HEAD = 128
_RIM = 0.5  # weight of the root from which a vertex is of the rim
_RINGS = 1.15, 1.9, 2.8, 4.0  # radii of the shoulders' rings, in radii of the rim
_AROUND = 12  # places on a ring
_SLOPE = 0.35  # of the shoulders
_DEPTHS = 0.0, 2.0  # radii of the rim: the body has the same rings again below them
_GHOST, _ROOT, _SKULL = 0, 1, 2


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class WeightAnchors:
    """A places, FLAME canonical."""

    places: jax.Array  # (A, 3) head units
    lbs_weights: jax.Array  # (A, 6): ghost bone, then the joints


def weight_anchors(vertices_fc: np.ndarray, lbs_weights: np.ndarray, outer: np.ndarray) -> WeightAnchors:
    """Of a head: vertices (V, 3), weights (V, 6), and which vertices are its outside (V,) bool."""
    rows = np.flatnonzero(outer)
    rows = rows[farthest_first(vertices_fc[rows], 1.0, _ON_HEAD)]
    of_head = np.zeros((len(rows), lbs_weights.shape[1]), np.float32)
    of_head[:, [_GHOST, _ROOT]] = lbs_weights[rows][:, [_GHOST, _ROOT]]
    of_head[:, _SKULL] = lbs_weights[rows, _SKULL:].sum(axis=1)
    body = _shoulders(vertices_fc[outer & (lbs_weights[:, _ROOT] > _RIM)])
    of_body = np.zeros((len(body), lbs_weights.shape[1]), np.float32)
    of_body[:, _ROOT] = 1.0
    places = np.concatenate([vertices_fc[rows], body])
    return WeightAnchors(jnp.asarray(places, jnp.float32), jnp.asarray(np.concatenate([of_head, of_body])))


def _shoulders(rim: np.ndarray) -> np.ndarray:
    """Rings (A, 3) around the rim (R, 3), lower the wider they are; none for a head whose root moves no vertex most."""
    if not len(rim):
        return np.zeros((0, 3))
    low, high = rim.min(axis=0), rim.max(axis=0)
    middle, radius = (low + high) / 2, (high - low)[[0, 2]].max() / 2
    angle = 2 * np.pi * np.arange(_AROUND) / _AROUND
    rings = [
        np.stack([np.cos(angle) * r, np.full(_AROUND, -_SLOPE * (r - 1.0) - depth), np.sin(angle) * r], axis=1)
        for r in _RINGS
        for depth in _DEPTHS
    ]
    return np.array([middle[0], low[1], middle[2]]) + radius * np.concatenate(rings)
