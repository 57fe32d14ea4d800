"""Skinning weights that the head model suggests for any place: those of its skin near it, of all of the head off it.

A lock that hangs beside the neck is nearest now to the jaw, now to a shoulder. Points that took the weights of the
nearest vertex would tear it apart as the head turns. So, with their distance from the skin, they take the mean over
anchors all over the head and on shoulders below it instead, by the inverse fourth power of the distance, which changes
smoothly in space.
"""

import jax
import jax.numpy as jnp

from pegasus_jax.families.free_points.head_space import HeadSpace

_ON_SKIN, _OFF_SKIN = 0.03, 0.1  # head units (a unit is 25 cm): up to the first the nearest vertex alone counts
_TINY = 1e-8


def smooth_weights(space: HeadSpace, x_fc: jax.Array, nearest: jax.Array) -> jax.Array:
    """(N, 6) at x_fc (N, 3), whose nearest vertices are `nearest` (N,); constant under differentiation."""
    x_fc, near = jax.lax.stop_gradient(x_fc), space.lbs_weights[nearest]
    places = space.anchors.places
    lengths = jnp.sum(x_fc**2, axis=1)[:, None] + jnp.sum(places**2, axis=1)[None, :]
    square = jnp.maximum(lengths - 2.0 * x_fc @ places.T, 0.0)
    share = 1.0 / (square**2 + _TINY)
    around = (share @ space.anchors.lbs_weights) / jnp.sum(share, axis=1, keepdims=True)
    distance = jnp.linalg.norm(x_fc - space.vertices_fc[nearest], axis=1)
    off = jnp.clip((distance - _ON_SKIN) / (_OFF_SKIN - _ON_SKIN), 0.0, 1.0)
    off = jnp.where(space.parts[nearest] > 0, 0.0, off)
    return near + off[:, None] * (around - near)
