"""A rigid motion of points in FLAME-canonical space. Supplement B, eq. 8."""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.free_points.skinning import skin, unpose
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.flame.lbs import rodrigues


def move(points: CanonicalPoints, T_fc_rest: jax.Array, rotation: jax.Array, shift: jax.Array) -> CanonicalPoints:
    """x^fc <- R x^fc + t, R (N, 3, 3) and t (N, 3), with all that posing makes of x^fc, derivatives included.

    The bases, weights and nearest head vertices stay those of where the points were: a part keeps its own motion.
    """

    def moved_rest(positions_rest: jax.Array, lbs_weights: jax.Array) -> jax.Array:
        x_fc = skin(positions_rest, lbs_weights, T_fc_rest)
        return unpose(jnp.einsum("nab,nb->na", rotation, x_fc) + shift, lbs_weights, T_fc_rest)

    rest, by_x = points.rest, points.rest_by_x_sc
    positions_rest, push = jax.linearize(moved_rest, rest.positions_rest, rest.lbs_weights)
    return dataclasses.replace(
        points,
        x_fc=jnp.einsum("nab,nb->na", rotation, points.x_fc) + shift,
        rest=dataclasses.replace(rest, positions_rest=positions_rest),
        rest_by_x_sc=dataclasses.replace(by_x, positions_rest=jax.vmap(push)(by_x.positions_rest, by_x.lbs_weights)),
    )


@jax.jit
def moved_points(points: CanonicalPoints, space: HeadSpace, motion: jax.Array) -> CanonicalPoints:
    """All N points under one motion (6,), or each under its own (N, 6)."""
    motion = jnp.broadcast_to(motion, (len(points.x_fc), 6))
    return move(points, space.T_fc_rest, rodrigues(motion[:, :3]), motion[:, 3:])


def take(points: CanonicalPoints, rows: jax.Array) -> CanonicalPoints:
    """Some of the points: rows (n,)."""
    by_x = jax.tree.map(lambda array: array[:, rows], points.rest_by_x_sc)
    some = jax.tree.map(lambda array: array[rows], dataclasses.replace(points, rest_by_x_sc=points.rest))
    return dataclasses.replace(some, rest_by_x_sc=by_x)
