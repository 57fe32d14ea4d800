"""Unpose, then repose: canonical points to a frame's deformed points and normals. Spec sections 2.4 and 4.

    u   = T_c^-1 x^fc - E psi_c - S beta_c - P^T f(theta_c)
    x^d = T (u + E psi + S beta + P^T f(theta)),   T = sum_j W_j G_j

Everything that does not depend on the frame lives in `CanonicalPoints`, with its derivatives by x^sc, so that the
Jacobian dx^d/dx^sc of a frame is a few small products.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.families.points.deformation import Bases
from pegasus_jax.families.points.head_space import FrameMotion


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rest:
    """Per point, what posing needs; N points, D features."""

    positions_rest: jax.Array  # (N, 3): T_c^-1 x^fc, so canonical bases are still in it
    lbs_weights: jax.Array  # (N, 6)
    features: jax.Array  # (N, D)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CanonicalPoints:
    """All that is known of N points under one latent before any frame is chosen."""

    x_fc: jax.Array  # (N, 3)
    x_sc: jax.Array  # (N, 3)
    rest: Rest
    rest_by_x_sc: Rest  # the same with a leading axis of 3: derivatives along x, y, z of x^sc
    nearest: jax.Array  # (N,) int32: nearest head vertex of x^fc
    scale: jax.Array  # (N,): share of the cloud's radius
    inner: jax.Array  # (N,) bool: belongs to an eyeball or the inside of the mouth
    normals_sc: jax.Array  # (N, 3)
    sdf: jax.Array  # (N,)
    albedo: jax.Array  # (N, 3)
    seg_logit: jax.Array  # (N,)
    opacity: jax.Array  # (N,) in [0, 1]: how much of a point is there under the latent


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PosedPoints:
    """N points in one frame, world axes, head units."""

    positions_d: jax.Array  # (N, 3)
    normals_d: jax.Array  # (N, 3), unit length


def unpose(x_fc: jax.Array, lbs_weights: jax.Array, T_fc_rest: jax.Array) -> jax.Array:
    """T_c^-1 x^fc: x_fc (N, 3), lbs_weights (N, 6), T_fc_rest (6, 4, 4) -> (N, 3)."""
    blended = jnp.einsum("nj,jab->nab", lbs_weights, T_fc_rest[:, :3])
    inverse = inverse_3x3(blended[..., :3])
    return jnp.einsum("nab,nb->na", inverse, x_fc - blended[..., 3])


def skin(positions_rest: jax.Array, lbs_weights: jax.Array, T_d_rest: jax.Array) -> jax.Array:
    """T x: positions_rest (N, 3), lbs_weights (N, 6), T_d_rest (6, 4, 4) -> (N, 3); the inverse of `unpose`."""
    blended = jnp.einsum("nj,jab->nab", lbs_weights, T_d_rest[:, :3])
    return jnp.einsum("nab,nb->na", blended[..., :3], positions_rest) + blended[..., 3]


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


def pose_points(
    points: CanonicalPoints,
    bases: Bases,
    motion: FrameMotion,
    *,
    head_prior: bool,
    normals: bool,
    jacobian_gradient: bool = True,
) -> PosedPoints:
    """Deformed positions and normals of one frame.

    `head_prior`: the networks' bases are residuals on those of the nearest head vertex. `normals=False` skips the
    Jacobian and leaves them zero; `jacobian_gradient=False` holds it constant in the backward pass.
    """
    rest = points.rest
    basis_map = bases.motion(motion.pose_feature_delta, motion.expression_delta)
    offset = rest.features @ basis_map[:-1] + basis_map[-1][None, :] + motion.shape_offset[points.nearest]
    if head_prior:
        offset = offset + motion.blend_offset[points.nearest]
    moved = rest.positions_rest + offset
    positions_d = skin(moved, rest.lbs_weights, motion.T_d_rest)
    if not normals:
        return PosedPoints(positions_d, jnp.zeros_like(positions_d))

    by_x = points.rest_by_x_sc
    blended = jnp.einsum("nj,jab->nab", rest.lbs_weights, motion.T_d_rest[:, :3])
    moved_by_x = by_x.positions_rest + by_x.features @ basis_map[:-1]
    turned = jnp.einsum("knj,jab->knab", by_x.lbs_weights, motion.T_d_rest[:, :3])
    jacobian_rows = (
        jnp.einsum("knab,nb->kna", turned[..., :3], moved)
        + turned[..., 3]
        + jnp.einsum("nab,knb->kna", blended[..., :3], moved_by_x)
    )
    jacobian = jnp.moveaxis(jacobian_rows, 0, -1)
    if not jacobian_gradient:
        jacobian = jax.lax.stop_gradient(jacobian)
    return PosedPoints(positions_d, transform_normals(jacobian, points.normals_sc))


def transform_normals(jacobian: jax.Array, normals_sc: jax.Array) -> jax.Array:
    """n^d = normalize(J^-T n^sc): jacobian (N, 3, 3) = dx^d/dx^sc, normals_sc (N, 3) -> (N, 3)."""
    cofactors = cofactors_3x3(jacobian)
    determinant = jnp.sum(jacobian[:, 0, :] * cofactors[:, 0, :], axis=-1)
    sign = jnp.where(determinant < 0.0, -1.0, 1.0)
    return normalize(jnp.einsum("nab,nb->na", cofactors, normals_sc) * sign[:, None])
