"""From learned points and a latent to Gaussians of one frame.

`canonicalise` does what no frame changes; `pose_gaussians` goes on for one frame:

    x^d = T (T_c^-1 x^fc + E (psi - psi_c) + S beta + P^T (f - f_c)),   T = sum_j W_j G_j
    colour = sigmoid(c + dc),  opacity = sigmoid(o + do),  scale = k sigmoid(s + ds) + rho,  quaternion = q r + dr

with d... = MLP_pose(x^d - x^fc, z), and q the rotation by which the frame turns the point. Gradients reach points
through x^d alone.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import (
    ANY_PART,
    FrameMotion,
    HeadSpace,
    frame_motion,
    nearest_vertices,
)
from pegasus_jax.families.free_points.skinning import Rest, inverse_3x3, skin, skinned_jacobian, unpose
from pegasus_jax.families.gaussians.perse.networks import Attributes, PerseNetworks
from pegasus_jax.families.gaussians.perse.rotations import nearest_quaternions, product
from pegasus_jax.families.gaussians.posing import PosedGaussians, rotation_columns


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Derivatives:
    """Derivatives of N points along the three axes of x^sc, for turning Gaussians by all that moves them."""

    rest: Rest  # with a leading axis of 3
    x_fc: jax.Array  # (3, N, 3)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CanonicalGaussians:
    """All that is known of N Gaussians under one latent before any frame is chosen."""

    x_fc: jax.Array  # (N, 3)
    rest: Rest
    nearest: jax.Array  # (N,) int32: nearest head vertex of x^fc
    attributes: Attributes
    derivatives: Derivatives | None  # None: the frame's skinning alone turns them, or nothing


def canonicalise(networks: PerseNetworks, space: HeadSpace, points_gc: jax.Array, z: jax.Array) -> CanonicalGaussians:
    """Everything about points_gc (N, 3) under z (Z,) that no frame changes."""
    stop, deformation = jax.lax.stop_gradient, networks.deformation
    x_sc = points_gc + deformation.offset_sc(points_gc, z)
    x_fc, rest = _at_rest(networks, space, x_sc, z)
    derivatives = None
    if networks.config.rotation == "full":
        graphdef, state = nnx.split(networks)
        fixed = nnx.merge(graphdef, stop(state))
        _, derivative = jax.linearize(lambda x: _at_rest(fixed, space, x, stop(z)), stop(x_sc))
        by_x_fc, by_rest = jax.vmap(derivative)(jnp.broadcast_to(jnp.eye(3)[:, None, :], (3, *x_sc.shape)))
        derivatives = Derivatives(by_rest, by_x_fc)
    return CanonicalGaussians(
        x_fc=x_fc,
        rest=rest,
        nearest=nearest_vertices(space, x_fc, jnp.full(len(x_fc), ANY_PART)),
        attributes=networks.canonical(stop(x_sc), z),
        derivatives=derivatives,
    )


def _at_rest(networks: PerseNetworks, space: HeadSpace, x_sc: jax.Array, z: jax.Array) -> tuple[jax.Array, Rest]:
    """x^fc (N, 3) of points x_sc (N, 3), and what posing needs of them."""
    deformation = networks.deformation
    features = deformation.features(x_sc, z)
    x_fc = x_sc + deformation.offset_fc(features)
    weights = jax.nn.softmax(deformation.skinning_logits(features), axis=-1)
    return x_fc, Rest(unpose(x_fc, weights, space.T_fc_rest), weights, features)


def pose_gaussians(
    networks: PerseNetworks,
    space: HeadSpace,
    canonical: CanonicalGaussians,
    z: jax.Array,
    params: FlameParams,
    *,
    floor: jax.Array | float,
    pose_share: jax.Array | float = 1.0,
) -> PosedGaussians:
    """Returns the Gaussians of one frame in world axes.

    Args:
      networks: of which MLP_pose and the bases of MLP_d are asked.
      space: the head.
      canonical: N Gaussians under the latent.
      z: (Z,) the latent.
      params: of the frame.
      floor: () rho, head units: added to every standard deviation.
      pose_share: () share of MLP_pose's offsets: 0 in a warm-up.
    """
    motion, rest = frame_motion(space, params), canonical.rest
    basis_map = networks.deformation.bases().motion(motion.pose_feature_delta, motion.expression_delta)
    offset = rest.features @ basis_map[:-1] + basis_map[-1][None, :] + motion.shape_offset[canonical.nearest]
    moved = rest.positions_rest + offset
    x_d = skin(moved, rest.lbs_weights, motion.T_d_rest)
    added = networks.pose(jax.lax.stop_gradient(x_d - canonical.x_fc), z)
    raw: Attributes = jax.tree.map(lambda own, more: own + pose_share * more, canonical.attributes, added)
    quaternion = raw.rotation
    if networks.config.rotation != "none":
        turn = nearest_quaternions(_turning(canonical, space, motion, moved, basis_map))
        own = canonical.attributes.rotation
        quaternion = product(turn, own) + pose_share * added.rotation
    scales = networks.config.max_scale * jax.nn.sigmoid(raw.scale) + floor
    columns = rotation_columns(quaternion.T)
    return PosedGaussians(
        means=x_d.T,
        factors=jnp.stack([jnp.stack([scales[:, j] * row for row in columns[j]]) for j in range(3)], axis=1),
        opacities=jax.nn.sigmoid(raw.opacity[:, 0]),
        colours=jax.nn.sigmoid(raw.colour).T,
    )


def _turning(
    canonical: CanonicalGaussians, space: HeadSpace, motion: FrameMotion, moved: jax.Array, basis_map: jax.Array
) -> jax.Array:
    """The linear maps (N, 3, 3) whose rotations Gaussians take over: of skinning, or dx^d/dx^fc with all that moves."""
    rest, derivatives = canonical.rest, canonical.derivatives
    if derivatives is None:
        there, back = (
            jnp.einsum("nj,jab->nab", rest.lbs_weights, bones[:, :3, :3])
            for bones in (motion.T_d_rest, space.T_fc_rest)
        )
        return there @ inverse_3x3(back)
    moved_by_x = derivatives.rest.positions_rest + derivatives.rest.features @ basis_map[:-1]
    by_x_sc = skinned_jacobian(moved, rest.lbs_weights, moved_by_x, derivatives.rest.lbs_weights, motion.T_d_rest)
    return by_x_sc @ inverse_3x3(jnp.moveaxis(derivatives.x_fc, 0, -1))
