"""Unpose, then repose: canonical points to a frame's deformed points and normals. Spec sections 2.4 and 4.

    u   = T_c^-1 x^fc - E psi_c - S beta_c - P^T f(theta_c)
    x^d = T (u + E psi + S beta + P^T f(theta)),   T = sum_j W_j G_j

Everything that does not depend on the frame lives in `CanonicalPoints`, with its derivatives by x^sc, so that the
Jacobian dx^d/dx^sc of a frame is a few small products.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.families.free_points.deformation import Bases
from pegasus_jax.families.free_points.head_space import FrameMotion
from pegasus_jax.families.free_points.skinning import Rest, cofactors_3x3, normalize, skin, skinned_jacobian


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

    moved_by_x = points.rest_by_x_sc.positions_rest + points.rest_by_x_sc.features @ basis_map[:-1]
    jacobian = skinned_jacobian(moved, rest.lbs_weights, moved_by_x, points.rest_by_x_sc.lbs_weights, motion.T_d_rest)
    if not jacobian_gradient:
        jacobian = jax.lax.stop_gradient(jacobian)
    return PosedPoints(positions_d, transform_normals(jacobian, points.normals_sc))


def transform_normals(jacobian: jax.Array, normals_sc: jax.Array) -> jax.Array:
    """n^d = normalize(J^-T n^sc): jacobian (N, 3, 3) = dx^d/dx^sc, normals_sc (N, 3) -> (N, 3)."""
    cofactors = cofactors_3x3(jacobian)
    determinant = jnp.sum(jacobian[:, 0, :] * cofactors[:, 0, :], axis=-1)
    sign = jnp.where(determinant < 0.0, -1.0, 1.0)
    return normalize(jnp.einsum("nab,nb->na", cofactors, normals_sc) * sign[:, None])
