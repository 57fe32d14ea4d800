"""Skinning of points that no mesh holds, there and back, and the small matrices that it takes. Spec section 2.4.

T_c^-1 x^fc   and   T x,   T = sum_j W_j G_j
"""

import dataclasses

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rest:
    """Per point, what posing needs; N points, D features."""

    positions_rest: jax.Array  # (N, 3): T_c^-1 x^fc, so canonical bases are still in it
    lbs_weights: jax.Array  # (N, 6)
    features: jax.Array  # (N, D)


def unpose(x_fc: jax.Array, lbs_weights: jax.Array, T_fc_rest: jax.Array) -> jax.Array:
    """T_c^-1 x^fc: x_fc (N, 3), lbs_weights (N, 6), T_fc_rest (6, 4, 4) -> (N, 3)."""
    blended = jnp.einsum("nj,jab->nab", lbs_weights, T_fc_rest[:, :3])
    inverse = inverse_3x3(blended[..., :3])
    return jnp.einsum("nab,nb->na", inverse, x_fc - blended[..., 3])


def skin(positions_rest: jax.Array, lbs_weights: jax.Array, T_d_rest: jax.Array) -> jax.Array:
    """T x: positions_rest (N, 3), lbs_weights (N, 6), T_d_rest (6, 4, 4) -> (N, 3); the inverse of `unpose`."""
    blended = jnp.einsum("nj,jab->nab", lbs_weights, T_d_rest[:, :3])
    return jnp.einsum("nab,nb->na", blended[..., :3], positions_rest) + blended[..., 3]


def skinned_jacobian(
    moved: jax.Array, lbs_weights: jax.Array, moved_by_x: jax.Array, weights_by_x: jax.Array, T_d_rest: jax.Array
) -> jax.Array:
    """dx^d/dx (N, 3, 3) of `skin`, for points (N, 3) and weights (N, 6) and their derivatives along the axes of x.

    Args:
      moved: (N, 3) what is skinned.
      lbs_weights: (N, 6).
      moved_by_x: (3, N, 3): derivatives along x, y, z.
      weights_by_x: (3, N, 6).
      T_d_rest: (6, 4, 4).
    """
    blended = jnp.einsum("nj,jab->nab", lbs_weights, T_d_rest[:, :3])
    turned = jnp.einsum("knj,jab->knab", weights_by_x, T_d_rest[:, :3])
    rows = (
        jnp.einsum("knab,nb->kna", turned[..., :3], moved)
        + turned[..., 3]
        + jnp.einsum("nab,knb->kna", blended[..., :3], moved_by_x)
    )
    return jnp.moveaxis(rows, 0, -1)


def cofactors_3x3(matrices: jax.Array) -> jax.Array:
    """Cofactor matrices (*, 3, 3): det(M) M^-T, by cross products of rows."""
    a, b, c = matrices[..., 0, :], matrices[..., 1, :], matrices[..., 2, :]
    return jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=-2)


def inverse_3x3(matrices: jax.Array) -> jax.Array:
    """Inverses (*, 3, 3) in closed form: much faster than LAPACK's for many small matrices on a CPU."""
    cofactors = cofactors_3x3(matrices)
    determinant = jnp.sum(matrices[..., 0, :] * cofactors[..., 0, :], axis=-1)
    tiny = jnp.abs(determinant) < 1e-12
    safe = jnp.where(tiny, 1e-12, determinant)
    return jnp.swapaxes(cofactors, -1, -2) / safe[..., None, None]


def normalize(vectors: jax.Array) -> jax.Array:
    """Unit vectors along the last axis; a zero vector stays zero, with a finite gradient."""
    square = jnp.sum(vectors * vectors, axis=-1, keepdims=True)
    tiny = square < 1e-20
    return jnp.where(tiny, 0.0, vectors / jnp.sqrt(jnp.where(tiny, 1.0, square)))
