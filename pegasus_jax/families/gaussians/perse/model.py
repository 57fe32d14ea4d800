"""PERSE as the training loop sees it: `core.model.AvatarModel`."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pegasus_jax.core import latents, touched_codes
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.model import Rate, TrainState
from pegasus_jax.core.motion import Motion
from pegasus_jax.core.render import Render
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.run_data import RunData
from pegasus_jax.data.stages import next_multiple
from pegasus_jax.families.free_points.head_space import HeadSpace, head_space
from pegasus_jax.families.free_points.initial import sphere_points
from pegasus_jax.families.gaussians.drawing import dilation, in_camera, over_white, splat_posed
from pegasus_jax.families.gaussians.perse import losses
from pegasus_jax.families.gaussians.perse.networks import HEADS_OF_SHAPE, PerseNetworks
from pegasus_jax.families.gaussians.perse.posing import CanonicalGaussians, canonicalise, pose_gaussians
from pegasus_jax.families.gaussians.perse.state import Bookkeeping, Frames, Params, at_epoch, with_points
from pegasus_jax.flame.model import NUM_EXPRESSION, POSE_SIZE

_OPAQUE = 0.5  # opacity that a point has to have in some frame of an epoch to stay


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scene:
    """What a step takes of a run."""

    space: HeadSpace
    expression_variance: jax.Array  # (50,)
    training_side: jax.Array  # () pixels of the largest pictures of the run: dilation belongs to them


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Drawn:
    """What losses and statistics need of a forward pass besides its pictures."""

    canonical: CanonicalGaussians
    opaque: jax.Array  # (N,) bool: in one of the frames


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Statistics:
    """What steps tell the host."""

    opaque: jax.Array  # (N,) bool: in one of the frames
    touched: touched_codes.Touched  # rows of tables that one of the frames shows
    frames: jax.Array  # (F,) bool: frames of the step


class PerseModel:
    """One run of PERSE."""

    def __init__(self, run: RunData):
        self.run, self.settings = run, run.settings
        self.graphdef, self._networks = nnx.split(PerseNetworks(run.settings.networks, rngs=nnx.Rngs(run.seed)))
        variance = np.maximum(run.videos.expression_variance, run.settings.expression_variance_floor)
        self.constants = Scene(
            space=jax.tree.map(jnp.asarray, head_space(run.head, jnp.asarray(run.videos.expression_c))),
            expression_variance=jnp.asarray(variance, jnp.float32),
            training_side=jnp.float32(run.image_size),
        )
        self._first = len(self._first_points())
        self._num_frames = sum(run.videos.counts)
        self._draw = jax.jit(self._sheet)

    def _first_points(self) -> np.ndarray:
        schedule = self.settings.schedule
        if schedule.init == "head":
            return np.asarray(self.constants.space.vertices_fc)
        return sphere_points(schedule.targets[0][1], np.random.default_rng(self.run.seed))

    def initialize(self) -> tuple[Params, Bookkeeping]:
        """Networks and points before the first frame."""
        points = jnp.asarray(self._first_points())
        shapes = (self._num_frames, NUM_EXPRESSION), (self._num_frames, POSE_SIZE)
        frames = Frames(*map(jnp.zeros, shapes)) if self.settings.rates.frames else None
        floor = jnp.float32(self.settings.schedule.floor(0, self._first))
        return Params(self._networks, points, frames), Bookkeeping(jnp.zeros(self._first, bool), floor, jnp.int32(0))

    def prepare(self, frame: Batch) -> Batch:
        """The frame as it is."""
        return frame

    def adam(self) -> optax.GradientTransformation:
        """Adam with its usual decays."""
        return optax.scale_by_adam()

    def labels(self, params: Params) -> Any:
        """Networks, what of them a warm-up may leave alone, codes, points and frames."""

        def label(path: tuple, _: jax.Array) -> str:
            if path[0].key == touched_codes.LATENTS:
                return "codes"
            is_shape = path[0].key == "canonical" and path[1].key in HEADS_OF_SHAPE
            return "shape" if path[0].key == "pose" or is_shape else "networks"

        networks = jax.tree_util.tree_map_with_path(label, params.networks)
        frames = None if params.frames is None else Frames("frames", "frames")  # type: ignore[arg-type]
        return Params(networks, "points", frames)  # type: ignore[arg-type]

    def rates(self, frames_seen: jax.Array) -> dict[str, Rate]:
        """All alike but for codes and frames, which wait for their epoch."""
        settings, rates = self.settings, self.settings.rates
        factor = rates.decay ** jnp.clip(frames_seen / self.run.total_frames, 0.0, 1.0)
        late = jnp.where(frames_seen >= rates.after * settings.epoch, factor, 0.0)
        rests = (settings.warm_up_pose == "frozen") & (frames_seen < settings.warm_up * settings.epoch)
        return {
            "networks": Rate(factor * rates.networks),
            "shape": Rate(jnp.where(rests, 0.0, factor * rates.networks)),
            "points": Rate(factor * rates.networks),
            "codes": Rate(late * rates.codes),
            "frames": Rate(late * rates.frames),
        }

    def forward(
        self,
        params: Params,
        primitives: Bookkeeping,
        batch: Batch,
        constants: Scene,
        *,
        overlaps_per_point: int,
        key: jax.Array,
    ) -> tuple[Render, Drawn]:
        """The pictures of frames of one look, and its canonical Gaussians."""
        motion = batch.motion
        if params.frames is not None:
            more = jax.tree.map(lambda table: table[batch.frame], params.frames)
            moved = FlameParams(batch.betas, batch.expression + more.expression, batch.pose + more.pose)
            motion = dataclasses.replace(motion, params=moved)
        return self._pictures(params, primitives, batch.look[0], motion, constants, overlaps_per_point)

    def losses(
        self,
        params: Params,
        primitives: Bookkeeping,
        batch: Batch,
        constants: Scene,
        render: Render,
        aux: Drawn,
        *,
        background: jax.Array,
        key: jax.Array,
        frames_seen: jax.Array,
    ) -> dict[str, jax.Array]:
        """Pictures and frames over one background, how points move, and the code of the look."""
        dimming, weights = 1.0 - background[:, None, None, :], self.settings.weights
        picture = render.image - dimming * (1.0 - render.alpha[..., None])
        target = batch.over_white() - dimming * (1.0 - batch.alpha()[..., None])
        networks, look = nnx.merge(self.graphdef, params.networks), batch.look[0]
        terms = {
            "rgb": jnp.mean(jnp.abs(picture - target)),
            "structural": losses.dissimilarity(picture, target),
            "flame": losses.flame_term(
                networks,
                constants.space,
                params.points,
                self._flat(networks, look),
                aux.canonical.nearest,
                constants.expression_variance,
            ),
        }
        if networks.latents.look_categories:
            terms["latent"] = jnp.where(look > 0, jnp.mean(networks.latents.own_code(look) ** 2), 0.0)
        if self.run.perceptual is not None and weights.perceptual:
            terms["perceptual"] = self.run.perceptual(picture, target)
        return terms

    def weights(self, frames_seen: jax.Array) -> dict[str, jax.Array | float]:
        """The settings'; that of FLAME halves at some epochs."""
        settings = self.settings
        halvings = jnp.asarray(settings.flame_halvings or (2**31 - 1,), jnp.int32)
        passed = jnp.sum(frames_seen // settings.epoch >= halvings)
        return dataclasses.asdict(settings.weights) | {"flame": settings.weights.flame * 0.5**passed}

    def statistics(self, params: Params, batch: Batch, render: Render, aux: Drawn) -> Statistics:
        """Which points are opaque, and which rows of tables the frames show."""
        table = nnx.merge(self.graphdef, params.networks).latents
        shown = jnp.zeros(self._num_frames, bool).at[batch.frame].set(True)
        return Statistics(aux.opaque, touched_codes.touched(table, batch.look), shown)

    def hold(self, new: Params, old: Params, statistics: Statistics) -> Params:
        """Codes and frames that the step does not show stay."""
        networks = touched_codes.hold_untouched(new.networks, old.networks, statistics.touched)
        shown = statistics.frames[:, None]
        frames = jax.tree.map(lambda after, before: jnp.where(shown, after, before), new.frames, old.frames)
        return Params(networks, new.points, frames)

    def observe(self, primitives: Bookkeeping, statistics: Statistics) -> Bookkeeping:
        """Points that were opaque are marked."""
        return dataclasses.replace(primitives, opaque=primitives.opaque | statistics.opaque)

    def next_pause(self, seen: int, step_frames: int) -> int:
        """The end of the epoch."""
        return next_multiple(seen, self.settings.epoch)

    def change(self, state: TrainState, seen: int, step_frames: int) -> TrainState:
        """The state as its epoch begins: pruned, refilled and finer, once for each period that is over."""
        while (epoch := int(state.primitives.epoch) + 1) <= seen // self.settings.epoch:
            key = jax.random.fold_in(jax.random.key(self.run.seed), epoch)
            state = at_epoch(state, self.settings.schedule, epoch=epoch, first=self._first, key=key)
        return state

    def largest(self, state: TrainState) -> TrainState:
        """As many points as the schedule comes to."""
        return with_points(state, self.settings.schedule.target(self._last_epoch, self._first))

    @property
    def _last_epoch(self) -> int:
        return (self.run.total_frames - 1) // self.settings.epoch

    def size(self, state: TrainState) -> str:
        """The number of points."""
        return f"{len(state.params.points)} Gaussians"

    def memory_knob(self) -> str:
        """The numbers of points."""
        return "--config.schedule.targets"

    def figures(self, state: TrainState) -> dict[str, float]:
        """How many Gaussians there are, and how fine they may be."""
        return {"gaussians": len(state.params.points), "floor": float(state.primitives.floor)}

    def draw(self, state: TrainState, batch: Batch) -> dict[str, jax.Array]:
        """Held-out frames of one look."""
        return {"render": self._draw(state.params, state.primitives, batch, self.constants)}

    def finish(self, state: TrainState, folder: pathlib.Path) -> None:
        """Nothing: the checkpoint knows all."""

    def describe(self) -> dict[str, Any]:
        """What it takes to build the networks, and how pictures are drawn."""
        return {
            "networks": dataclasses.asdict(self.settings.networks),
            "training_side": self.run.image_size,
            "warm_up": self.settings.warm_up if self.settings.warm_up_pose == "off" else 0,
        }

    def _flat(self, networks: PerseNetworks, look: jax.Array) -> jax.Array:
        return latents.flatten(networks.latents.latent(look), categories=self.settings.networks.categories)

    def _pictures(
        self,
        params: Params,
        primitives: Bookkeeping,
        look: jax.Array,
        motion: Motion,
        constants: Scene,
        overlaps_per_point: int | None,
    ) -> tuple[Render, Drawn]:
        networks, settings = nnx.merge(self.graphdef, params.networks), self.settings
        z = self._flat(networks, look)
        canonical = canonicalise(networks, constants.space, params.points, z)
        warm = (primitives.epoch >= settings.warm_up) | (settings.warm_up_pose != "off")
        room = overlaps_per_point * len(params.points) if overlaps_per_point else None

        def one(frame: Motion) -> tuple[Render, jax.Array]:
            posed = pose_gaussians(
                networks,
                constants.space,
                canonical,
                z,
                frame.params,
                floor=primitives.floor,
                pose_share=jnp.where(warm, 1.0, 0.0),
            )
            camera = frame.cameras
            drawn = splat_posed(
                in_camera(posed, camera),
                camera.intrinsics,
                image_size=camera.image_size,
                blur=dilation(min(camera.image_size), constants.training_side),
                max_overlaps=room,
            )
            return over_white(drawn), posed.opacities >= _OPAQUE

        render, opaque = jax.vmap(one)(motion)
        return render, Drawn(canonical, jnp.any(opaque, axis=0))

    def _sheet(self, params: Params, primitives: Bookkeeping, batch: Batch, constants: Scene) -> jax.Array:
        return self._pictures(params, primitives, batch.look[0], batch.motion, constants, None)[0].image
