"""The avatar's three networks and its latents as one module, and the frame-independent half of the forward pass."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.families.free_points.deformation import NUM_BONES, DeformationNetwork, GcMode
from pegasus_jax.families.free_points.head_space import INNER_PARTS, HeadSpace, point_scale
from pegasus_jax.families.free_points.skinning import Rest, normalize, unpose
from pegasus_jax.families.points.canonical import CanonicalNetwork
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.presence import PresenceNetwork
from pegasus_jax.families.points.shading import ShadingNetwork
from pegasus_jax.families.points.weight_prior import smooth_weights

_WEIGHT_FLOOR = 1e-3  # what the head prior leaves to bones that do not move the nearest vertex


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Sizes and switches; the defaults are the paper's."""

    gc: GcMode = "learned"
    head_prior: bool = False  # bases and weights are residuals on the nearest head vertex's
    smooth_weights: bool = False  # off the skin the head model suggests weights of all of it, not the nearest vertex's
    code_size: int = 32  # 0: no latent
    look_categories: tuple[str, ...] = ()
    deformation_width: int = 128
    deformation_depth: int = 4
    canonical_width: int = 512
    canonical_depth: int = 9
    canonical_skip: int | None = 4
    octaves: int = 6
    detail_octaves: int = 0  # of a finer encoding for the albedo alone
    detail_width: int | None = None  # of its layer; None: canonical_width
    inner_colours: bool = False  # eyeballs and the inside of the mouth have outputs of that encoding for themselves
    shading_width: int = 512
    presence: bool = False  # looks can make points vanish; the published model has to hide them


class AvatarNetworks(nnx.Module):
    """Deformation, canonical and shading networks, and the latent table."""

    def __init__(self, config: NetworkConfig, *, rngs: nnx.Rngs):
        size = latents.latent_size(len(latents.CATEGORIES), config.code_size)
        self.config = config
        self.deformation = DeformationNetwork(
            latent_size=size,
            width=config.deformation_width,
            depth=config.deformation_depth,
            gc=config.gc,
            rngs=rngs,
        )
        self.canonical = CanonicalNetwork(
            latent_size=size,
            width=config.canonical_width,
            depth=config.canonical_depth,
            octaves=config.octaves,
            skip=config.canonical_skip,
            detail_octaves=config.detail_octaves,
            detail_width=config.detail_width,
            inner_parts=len(INNER_PARTS) if config.inner_colours else 0,
            rngs=rngs,
        )
        self.shading = ShadingNetwork(latent_size=size, width=config.shading_width, rngs=rngs)
        if config.presence:
            self.presence = PresenceNetwork(latent_size=size, width=config.deformation_width, rngs=rngs)
        self.latents = latents.LatentTable(
            code_size=config.code_size, look_categories=config.look_categories, rngs=rngs
        )


def rest_points(networks: AvatarNetworks, space: HeadSpace, x_sc: jax.Array, z: jax.Array, nearest: jax.Array) -> Rest:
    """What posing needs at x_sc (N, 3), as a differentiable function of it; `nearest` (N,) is held constant."""
    features = networks.deformation.features(x_sc, z)
    x_fc = x_sc + networks.deformation.offset_fc(features)
    weights = skinning_weights(networks, features, suggested_weights(networks, space, x_fc, nearest))
    return Rest(unpose(x_fc, weights, space.T_fc_rest), weights, features)


def suggested_weights(networks: AvatarNetworks, space: HeadSpace, x_fc: jax.Array, nearest: jax.Array) -> jax.Array:
    """The weights (N, 6) of the head model that the networks correct or are drawn to, at x_fc (N, 3)."""
    return smooth_weights(space, x_fc, nearest) if networks.config.smooth_weights else space.lbs_weights[nearest]


def skinning_weights(networks: AvatarNetworks, features: jax.Array, prior: jax.Array) -> jax.Array:
    """W (N, 6); with the head prior the logits correct `prior` (N, 6)."""
    logits = networks.deformation.skinning_logits(features)
    if networks.config.head_prior:
        logits = logits + jnp.log(prior + _WEIGHT_FLOOR)
    assert logits.shape[-1] == NUM_BONES
    return jax.nn.softmax(logits, axis=-1)


def opacities(networks: AvatarNetworks, x_sc: jax.Array, z: jax.Array) -> jax.Array:
    """How much of each point at x_sc (N, 3) is there under z (Z,): (N,); all of it without a presence network."""
    return jax.nn.sigmoid(networks.presence(x_sc, z)) if networks.config.presence else jnp.ones(len(x_sc))


def canonicalise(
    networks: AvatarNetworks,
    space: HeadSpace,
    points_gc: jax.Array,
    z: jax.Array,
    nearest: jax.Array,
    part: jax.Array,
    *,
    jacobian_gradient: bool,
) -> CanonicalPoints:
    """Everything about points_gc (N, 3) of parts (N,) under z (Z,) that no frame changes.

    Gradient paths are those of spec section 4: positions are differentiable by the points; colour, distance and
    segmentation reach the gc head and the latents but not the points; normals reach the canonical network alone.
    `jacobian_gradient=False` treats the derivatives that turn normals as constants (their backward pass is most of a
    step's cost on a CPU).
    """
    stop = jax.lax.stop_gradient
    x_sc = points_gc + networks.deformation.offset_sc(points_gc, z)
    fixed = stop(points_gc)
    coloured = fixed + networks.deformation.offset_sc(fixed, z)
    values = networks.canonical(coloured, z, part)
    normals_sc = normalize(networks.canonical.sdf_gradient(stop(x_sc), stop(z)))
    rest = rest_points(networks, space, x_sc, z, nearest)
    return CanonicalPoints(
        x_fc=x_sc + networks.deformation.offset_fc(rest.features),
        x_sc=x_sc,
        rest=rest,
        rest_by_x_sc=_rest_derivatives(networks, space, x_sc, z, nearest, differentiable=jacobian_gradient),
        nearest=nearest,
        scale=point_scale(space, nearest, part),
        inner=part > 0,
        normals_sc=normals_sc,
        sdf=values.sdf,
        albedo=values.albedo,
        seg_logit=values.seg_logit,
        opacity=opacities(networks, coloured, z),
    )


def flame_canonical(networks: AvatarNetworks, points_gc: jax.Array, z: jax.Array) -> jax.Array:
    """x^fc (N, 3) of points_gc: what the search for nearest head vertices looks at."""
    x_sc = points_gc + networks.deformation.offset_sc(points_gc, z)
    return x_sc + networks.deformation.offset_fc(networks.deformation.features(x_sc, z))


def _rest_derivatives(networks, space, x_sc, z, nearest, *, differentiable: bool) -> Rest:
    if not differentiable:
        graphdef, state = nnx.split(networks)
        networks = nnx.merge(graphdef, jax.lax.stop_gradient(state))
        x_sc, z = jax.lax.stop_gradient((x_sc, z))
    _, derivative = jax.linearize(lambda x: rest_points(networks, space, x, z, nearest), x_sc)
    axes = jnp.broadcast_to(jnp.eye(3)[:, None, :], (3, *x_sc.shape))
    return jax.vmap(derivative)(axes)
