"""Colour and normal of the filler from the target around it. Supplement B, eqs. 10-11.

The paper copies from the one nearest point. Here a few of them share, so that colour does not jump from point to point
along the border.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.families.free_points.skinning import normalize
from pegasus_jax.families.points.fusion.fill import spacing
from pegasus_jax.families.points.render import FramePoints

_NEIGHBOURS = 16
_LEAST = 1 << 10  # filler that is made room for; twice as much where it does not fit: looks share compiled programs


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Blending:
    """Which points of the target lend their looks to which of the N points of the source; C is a capacity."""

    rows: jax.Array  # (C,) int32: filler among the N points, then N, which is none
    neighbours: jax.Array  # (C, K) int32: points of the target
    weights: jax.Array  # (C, K), rows of filler sum to 1


def blending(filler: np.ndarray, source_d: np.ndarray, target_d: np.ndarray, lends: np.ndarray) -> Blending:
    """Neighbours of the filler (N,) at source_d (N, 3) among the points target_d (M, 3) that may lend (M,) bool.

    Weights fall with the squared distance, from one spacing of the lending points on.
    """
    lenders = np.flatnonzero(lends)
    count = min(_NEIGHBOURS, len(lenders))
    filling = np.flatnonzero(filler)
    capacity = max(_LEAST, 1 << (len(filling) - 1).bit_length())
    rows = np.full(capacity, len(filler), np.int32)
    neighbours, weights = np.zeros((capacity, count), np.int32), np.zeros((capacity, count), np.float32)
    if len(filling):
        tree = scipy.spatial.cKDTree(target_d[lenders])
        distance, near = tree.query(source_d[filling], k=count)
        share = 1.0 / (distance**2 + spacing(tree) ** 2)
        rows[: len(filling)] = filling
        neighbours[: len(filling)] = lenders[near]
        weights[: len(filling)] = share / share.sum(axis=1, keepdims=True)
    return Blending(jnp.asarray(rows), jnp.asarray(neighbours), jnp.asarray(weights))


def blend(source: FramePoints, target: FramePoints, by: Blending) -> FramePoints:
    """The source's N points of one frame, the filler among them with the target's albedo, shading and normals."""

    def lent(own: jax.Array, theirs: jax.Array) -> jax.Array:
        mixed = jnp.sum(theirs[by.neighbours] * by.weights[..., None], axis=1)
        return own.at[by.rows].set(mixed, mode="drop")

    return dataclasses.replace(
        source,
        albedo=lent(source.albedo, target.albedo),
        shading=lent(source.shading, target.shading),
        normals_d=normalize(lent(source.normals_d, target.normals_d)),
    )
