"""One optimisation step over one device's share of a batch, written over a named axis.

Gradients, visibility and metrics are reduced over the axis `DEVICES`, by `reduction.py`; `parallel.py` alone knows what
carries it.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.data.frames import Batch
from pegasus_jax.families.points import losses, tables
from pegasus_jax.families.points.frame import render_frames
from pegasus_jax.families.points.head_space import HeadSpace
from pegasus_jax.families.points.networks import AvatarNetworks, canonicalise, skinning_weights, suggested_weights
from pegasus_jax.families.points.posing import CanonicalPoints, normalize
from pegasus_jax.families.points.render import Render, RenderOptions
from pegasus_jax.families.points.spill import spill
from pegasus_jax.training.reduction import DEVICES, Gradients, over_devices
from pegasus_jax.training.state import Cloud, Params, Tracking, TrainState

_LOOSE = 0.2  # hair and clothes may move otherwise than the head beneath them
_DIRECTIONS = 512  # of normals in which the light is looked at
VISIBLE_WEIGHT = 0.5  # a point is visible where its compositing weight exceeds this


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of spec section 7 (w_s is `seg`), and of what this project adds."""

    rgb: float = 1.0
    mask: float = 1.0
    holes: float = 0.0  # extra weight of the mask where the person is missing: a hole shows more than a wide rim
    structural: float = 0.0
    perceptual: float = 0.0
    sdf: float = 1.0
    eikonal: float = 0.1
    flame: float = 10.0
    leash: float = 1.0  # points keep to their side of the skin; no effect on clouds that started on a sphere
    latent: float = 0.01
    seg: float = 0.1
    spill: float = 0.0  # in stage 2, codes drawn at random leave alone what is not their part
    normal: float = 0.0  # against pictures of the target's and the donor's avatars, in part-swapped folders
    inner: float = 0.0  # eyeballs and the inside of the mouth show where those of the head model do
    light: float = 0.0  # the light is white on average: colours are the albedo's, and white can be shown
    dark: float = 0.0  # the inside of the mouth is dark where no picture says otherwise
    emphasis: float = 0.0  # extra colour weight on eyes and mouth
    tracking: float = 0.0  # pull of tracking corrections towards zero, in standard deviations


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """Adam step sizes at the start; all decay together by `decay` over the run, exponentially in frames."""

    networks: float
    points: float
    latents: float
    tracking: float
    decay: float


@dataclasses.dataclass(frozen=True)
class StepConfig:
    """Static choices of a step."""

    weights: LossWeights
    rates: LearningRates
    total_frames: int
    flame_halvings: tuple[int, ...]  # frames seen at which the FLAME weight halves
    flame_sample: int  # points that enter L_FLAME each step; 0 for all
    eikonal_sample: int  # off-surface points each step; 0 for as many as there are points
    jacobian_gradient: bool
    latents_after: int  # frames seen before latents move
    tracking_after: int  # frames seen before tracking corrections move
    refine_tracking: bool
    random_background: bool  # a colour for each frame and step; a white one tempts points to let it shine through
    render: RenderOptions
    sink: float = 0.0  # share of its radius by which a point may lie below the skin: by so much it shows around itself
    spill_sample: int = 1024  # points that the spill term looks at each step
    spill_after: int = 0  # frames seen before it counts: before the second stage, looks mean nothing


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scene:
    """What a step takes besides its state and batch."""

    space: HeadSpace
    expression_variance: jax.Array  # (50,)
    ndc_per_unit: jax.Array  # (): how large a head unit looks
    tracking_std: Tracking  # (1, ...) standard deviations that anchor the corrections


Perceptual = Callable[[jax.Array, jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class Step:
    """One optimisation step in two halves; called, it is the whole, over the axis `DEVICES`.

    Random numbers are the step's, and a background the frame's: the same however many devices there are.
    """

    graphdef: nnx.GraphDef
    config: StepConfig
    perceptual: Perceptual | None
    seed: int

    def __call__(self, state: TrainState, batch: Batch, scene: Scene) -> tuple[TrainState, dict[str, jax.Array]]:
        """The state after one device's share of a batch and all the others', and the figures of all of it.

        The figure `finite` (devices,) bool says whose gradients were.
        """
        mine = self.evaluate(state, batch, scene)
        finite = jax.lax.all_gather(mine.finite(), DEVICES)
        reduced = over_devices(mine)
        count = len(batch.frame) * jax.lax.psum(1, DEVICES)
        return self.update(state, reduced, count), dict(reduced.terms, finite=finite)

    def evaluate(self, state: TrainState, batch: Batch, scene: Scene) -> Gradients:
        """What some frames of one look ask of the parameters."""
        step_key = jax.random.fold_in(jax.random.key(self.seed), state.frames_seen)
        key = jax.random.fold_in(step_key, 0)
        count = len(batch.frame)
        background = backgrounds(step_key, batch.frame) if self.config.random_background else jnp.ones((count, 3))

        def objective(params: Params):
            return _losses(self.graphdef, params, state, batch, scene, self.config, self.perceptual, background, key)

        (_, (terms, seen)), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
        return Gradients(grads, terms, seen, tables.touched(self.graphdef, state.params, batch))

    def update(self, state: TrainState, reduced: Gradients, count: int | jax.Array) -> TrainState:
        """The state after `count` frames whose mean is `reduced`."""
        params, moments = _update(state, reduced.grads, reduced.touched, self.config)
        cloud = dataclasses.replace(state.cloud, visible=state.cloud.visible | reduced.seen)
        return TrainState(state.frames_seen + count, params, moments, cloud)


def corrected(batch: Batch, tracking: Tracking) -> Batch:
    """The batch with tracking corrections of its own frames (B rows) added."""
    moved = batch.T_camera_world + jnp.pad(tracking.translation[:, :, None], ((0, 0), (0, 0), (3, 0)))
    return dataclasses.replace(
        batch,
        pose=batch.pose + tracking.pose,
        expression=batch.expression + tracking.expression,
        T_camera_world=moved,
    )


def backgrounds(key: jax.Array, frame: jax.Array) -> jax.Array:
    """A colour (B, 3) in [0, 1] for each of the frames (B,), whatever device it is on."""
    return jax.vmap(lambda row: jax.random.uniform(jax.random.fold_in(key, row), (3,)))(frame)


def flame_weight(frames_seen: jax.Array, config: StepConfig) -> jax.Array:
    """lambda(e): halves at each milestone passed."""
    milestones = jnp.asarray(config.flame_halvings or (2**31 - 1,), jnp.int32)
    return config.weights.flame * 0.5 ** jnp.sum(frames_seen >= milestones)


def learning_rate_factor(frames_seen: jax.Array, config: StepConfig) -> jax.Array:
    """Exponential decay from 1 to `rates.decay` over the run."""
    return config.rates.decay ** jnp.clip(frames_seen / config.total_frames, 0.0, 1.0)


def _losses(
    graphdef, params: Params, state, batch: Batch, scene: Scene, config: StepConfig, perceptual, background, key
):
    networks: AvatarNetworks = nnx.merge(graphdef, params.networks)
    look = batch.look[0]  # that of all frames of a device's share
    z = latents.flatten(networks.latents.latent(look))
    cloud, weights = state.cloud, config.weights
    points = canonicalise(
        networks,
        scene.space,
        params.points,
        z,
        cloud.nearest[look],
        cloud.part,
        jacobian_gradient=config.jacobian_gradient,
    )
    correction = jax.tree.map(lambda table: table[batch.frame], params.tracking)
    frames = corrected(batch, correction) if config.refine_tracking else batch
    render = render_frames(
        networks,
        scene.space,
        points,
        z,
        betas=frames.betas,
        expression=frames.expression,
        pose=frames.pose,
        cameras=frames.cameras,
        radius=cloud.radius,
        alive=cloud.alive,
        options=config.render,
        jacobian_gradient=config.jacobian_gradient,
    )
    terms = picture_terms(render, batch, background, weights, perceptual)
    terms |= _point_terms(networks, params, points, look, scene, cloud, config, key)
    if config.refine_tracking:
        terms["tracking"] = _tracking_prior(correction, scene.tracking_std)
    scale = dataclasses.asdict(weights) | {
        "flame": flame_weight(state.frames_seen, config),
        "spill": jnp.where(state.frames_seen >= config.spill_after, weights.spill, 0.0),
    }
    total = sum(scale[name] * value for name, value in terms.items())
    target = batch.over_white()
    metrics = dict(
        terms,
        loss=total,
        psnr=jnp.mean(-10.0 * jnp.log10(jnp.mean((render.image - target) ** 2, axis=(1, 2, 3)))),
        overflow=jnp.sum(render.overflow).astype(jnp.float32),
        nonfinite=jnp.sum(render.nonfinite).astype(jnp.float32),
    )
    seen = jnp.any(render.is_front | (render.max_weight > VISIBLE_WEIGHT), axis=0)
    return total, (metrics, seen)


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


def _point_terms(networks, params: Params, points: CanonicalPoints, look, scene: Scene, cloud: Cloud, config, key):
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
        "flame": _flame_term(networks, params.points, points, z, scene, alive, config, jax.random.fold_in(key, 0)),
    }
    if weights.spill:
        rows = _sample(alive.shape[0], config.spill_sample, jax.random.fold_in(key, 3))
        terms["spill"] = spill(networks, params.points[rows], part[rows], alive[rows], look, jax.random.fold_in(key, 4))
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
    return losses.flame_regularisation(weights, pose, expression, scene.expression_variance, alive[rows])


def _sample(count: int, sample: int, key: jax.Array) -> jax.Array:
    if not sample or sample >= count:
        return jnp.arange(count)
    return jax.random.randint(key, (sample,), 0, count)


def _tracking_prior(correction: Tracking, std: Tracking) -> jax.Array:
    """Mean squared correction in units of its anchor's standard deviation."""
    scaled = jax.tree.map(lambda value, scale: jnp.mean((value / scale) ** 2), correction, std)
    return jax.tree.reduce(jnp.add, scaled) / 3.0


def _update(state: TrainState, grads: Params, touched: tables.Touched, config: StepConfig):
    """Adam on everything; rows of tables move only when a frame of theirs was seen."""
    direction, moments = optax.scale_by_adam().update(grads, state.moments)
    factor = learning_rate_factor(state.frames_seen, config)
    rates = config.rates
    latent_rate = jnp.where(state.frames_seen >= config.latents_after, rates.latents, 0.0)
    tracking_rate = jnp.where(state.frames_seen >= config.tracking_after, rates.tracking, 0.0)

    def network_rate(path, leaf):
        return leaf * (latent_rate if path[0].key == "latents" else rates.networks)

    steps = Params(
        networks=jax.tree_util.tree_map_with_path(network_rate, direction.networks),
        points=direction.points * rates.points,
        tracking=jax.tree.map(lambda leaf: leaf * tracking_rate, direction.tracking),
    )
    moved = jax.tree.map(lambda value, move: value - factor * move, state.params, steps)
    params = tables.hold_untouched(moved, state.params, touched)
    moments = moments._replace(
        mu=tables.hold_untouched(moments.mu, state.moments.mu, touched),
        nu=tables.hold_untouched(moments.nu, state.moments.nu, touched),
    )
    if config.refine_tracking:
        centred = jax.tree.map(lambda table: table - table.mean(axis=0, keepdims=True), params.tracking)
        params = dataclasses.replace(params, tracking=centred)
    return params, moments
