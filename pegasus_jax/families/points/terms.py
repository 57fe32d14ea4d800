"""The terms of the points' loss: of pictures, and of the points themselves."""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core import latents
from pegasus_jax.core.render import Render
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.run_data import Perceptual
from pegasus_jax.families.free_points.flame_term import flame_regularisation
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.free_points.skinning import normalize
from pegasus_jax.families.points import losses
from pegasus_jax.families.points.networks import skinning_weights, suggested_weights
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.settings import LossWeights, StepConfig
from pegasus_jax.families.points.spill import spill
from pegasus_jax.families.points.state import Cloud

_LOOSE = 0.2  # hair and clothes may move otherwise than the head beneath them
_DIRECTIONS = 512  # of normals in which the light is looked at


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scene:
    """What a step takes besides its state and batch."""

    space: HeadSpace
    expression_variance: jax.Array  # (50,)
    ndc_per_unit: jax.Array  # (): how large a head unit looks


def flame_weight(frames_seen: jax.Array, config: StepConfig) -> jax.Array:
    """lambda(e): halves at each milestone passed."""
    milestones = jnp.asarray(config.flame_halvings or (2**31 - 1,), jnp.int32)
    return config.weights.flame * 0.5 ** jnp.sum(frames_seen >= milestones)


def learning_rate_factor(frames_seen: jax.Array, config: StepConfig) -> jax.Array:
    """Exponential decay from 1 to `rates.decay` over the run."""
    return config.rates.decay ** jnp.clip(frames_seen / config.total_frames, 0.0, 1.0)


def picture_terms(
    render: Render, batch: Batch, background: jax.Array, weights: LossWeights, perceptual: Perceptual | None
) -> dict[str, jax.Array]:
    """The losses of rendered pictures (leading axis B) against their frames, both over a `background` (B, 3)."""
    dimming = 1.0 - background[:, None, None, :]
    picture = render.image - dimming * (1.0 - render.alpha[..., None])
    target = batch.over_white() - dimming * (1.0 - batch.alpha()[..., None])
    emphasis = 1.0 + weights.emphasis * jnp.asarray(batch.emphasis, jnp.float32) / 255.0
    terms = {
        "rgb": losses.weighted_l1(picture, target, emphasis),
        "mask": losses.mask_l1(render.alpha, batch.alpha()),
    }
    if weights.holes:
        terms["holes"] = losses.missing(render.alpha, batch.alpha())
    if weights.structural:
        terms["structural"] = losses.structural(picture, target)
    if weights.perceptual and perceptual is not None:
        terms["perceptual"] = perceptual(picture, target)
    if weights.inner and render.inner is not None and batch.inner is not None:
        terms["inner"] = losses.mask_l1(render.inner, jnp.asarray(batch.inner, jnp.float32) / 255.0)
    if weights.seg and render.seg_logit is not None:
        terms["seg"] = losses.segmentation_bce(render.seg_logit, jnp.asarray(batch.seg, jnp.float32) / 255.0)
    if weights.normal and render.normals is not None and batch.normal is not None and batch.has_normal is not None:
        normals = jnp.asarray(batch.normal, jnp.float32) / 255.0
        terms["normal"] = losses.normal_l1(render.normals, normals, batch.alpha(), batch.has_normal)
    return terms


def point_terms(
    networks,
    points_gc: jax.Array,
    points: CanonicalPoints,
    look: jax.Array,
    scene: Scene,
    cloud: Cloud,
    config: StepConfig,
    key: jax.Array,
) -> dict[str, jax.Array]:
    """The losses of N points under one look.

    Args:
        networks: the avatar's networks.
        points_gc: (N, 3) generic canonical.
        points: the same under the look.
        look: () int32.
        scene: the head model and the run's constants.
        cloud: the bookkeeping of the points.
        config: weights and samples.
        key: of the step.
    """
    alive, part, weights = cloud.alive, cloud.part, config.weights
    z = latents.flatten(networks.latents.latent(look))
    space, near = scene.space, points.nearest
    surface = losses.Surface(
        vertices=space.vertices_fc[near],
        normals=space.normals_fc[near],
        reach=space.reach[near],
        height=space.height[near],
        depth=config.sink * points.scale * cloud.radius / scene.ndc_per_unit,
    )
    terms = {
        "sdf": losses.sdf_consistency(points.sdf, alive),
        "latent": losses.latent_prior(z),
        "leash": losses.leash(points.x_fc, surface, part, alive),
        "flame": _flame_term(networks, points_gc, points, z, scene, alive, config, jax.random.fold_in(key, 0)),
    }
    if weights.spill:
        rows = _sample(alive.shape[0], config.spill_sample, jax.random.fold_in(key, 3))
        terms["spill"] = spill(networks, points_gc[rows], part[rows], alive[rows], look, jax.random.fold_in(key, 4))
    if weights.light:
        directions = normalize(jax.random.normal(jax.random.fold_in(key, 5), (_DIRECTIONS, 3)))
        terms["light"] = losses.coloured_light(networks.shading(directions, z))
    if weights.dark:
        terms["dark"] = losses.unseen_dark(points.albedo, part, alive)
    stop = jax.lax.stop_gradient
    on_surface = stop(points.x_sc)
    rows = _sample(alive.shape[0], config.eikonal_sample, jax.random.fold_in(key, 1))
    reach = losses.EIKONAL_REACH
    jitter = jax.random.uniform(jax.random.fold_in(key, 2), (len(rows), 3), jnp.float32, -reach, reach)
    samples = jnp.concatenate([on_surface[rows], on_surface[rows] + jitter])
    gradients = networks.canonical.sdf_gradient(samples, stop(z))
    terms["eikonal"] = losses.eikonal(gradients, jnp.tile(alive[rows], 2))
    return terms


def _flame_term(networks, points_gc, points: CanonicalPoints, z, scene: Scene, alive, config, key):
    """L_FLAME on a sample of points, from detached positions, so that it trains networks and never moves points."""
    rows = _sample(alive.shape[0], config.flame_sample, key)
    x = jax.lax.stop_gradient(points_gc[rows])
    x_sc = x + networks.deformation.offset_sc(x, z)
    features = networks.deformation.features(x_sc, z)
    vertex, bases, space = points.nearest[rows], networks.deformation.bases(), scene.space
    pose = jnp.einsum("nd,dkc->nkc", features, bases.pose[:-1]) + bases.pose[-1][None]
    expression = jnp.einsum("nd,dck->nck", features, bases.expression[:-1]) + bases.expression[-1][None]
    if not networks.config.head_prior:
        pose = pose - jnp.moveaxis(space.head.posedirs[:, vertex], 0, 1)
        expression = expression - space.head.exprdirs[vertex]
    prior = suggested_weights(networks, space, x_sc + networks.deformation.offset_fc(features), vertex)
    weights = skinning_weights(networks, features, prior) - prior
    if networks.config.head_prior:
        weights = weights * jnp.where(space.is_face[vertex], 1.0, _LOOSE)[:, None]
    return flame_regularisation(weights, pose, expression, scene.expression_variance, alive[rows])


def _sample(count: int, sample: int, key: jax.Array) -> jax.Array:
    if not sample or sample >= count:
        return jnp.arange(count)
    return jax.random.randint(key, (sample,), 0, count)
