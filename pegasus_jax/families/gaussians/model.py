"""One person's rigged Gaussians as the training loop sees them: `core.model.AvatarModel`."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pegasus_jax.core.model import Rate, TrainState
from pegasus_jax.core.render import Render
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.run_data import RunData
from pegasus_jax.families.gaussians import binding, losses, rates, shell
from pegasus_jax.families.gaussians.binding import Binding
from pegasus_jax.families.gaussians.drawing import draw_frame, over_white
from pegasus_jax.families.gaussians.initial_colours import with_initial_colours
from pegasus_jax.families.gaussians.params import Params, initial_params, with_last_hidden
from pegasus_jax.families.gaussians.rig import Rig, build_rig, driving_numbers, driving_range

_SHOWN = 0.01  # compositing weight: less teaches nothing
_SEEN = 0.05  # of a Gaussian whose colour can be trusted


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scene:
    """What a step takes of a run."""

    rig: Rig
    training_side: jax.Array  # () pixels of the largest pictures of the run: dilation belongs to them


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Bound:
    """What a run keeps of its N Gaussians besides what it learns: enough to build the rig again from the head."""

    binding: Binding
    driving: jax.Array  # (4, 62): `rig.driving_range` of the clip
    seen: jax.Array  # (N,) bool: some frame has shown it
    hair: jax.Array  # (N,) in [0, 1]: how much of what the first frames showed of it is hair
    first_colour: jax.Array  # (3, N): that it started with


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Statistics:
    """What steps tell the host."""

    shown: jax.Array  # (N,) bool: one of the frames shows it at all
    seen: jax.Array  # (N,) bool: one of the frames shows it well


class GaussiansModel:
    """One run of rigged Gaussians."""

    def __init__(self, run: RunData, *, more: Binding | None = None):
        """`more` are Gaussians that start hidden: they come last."""
        self.run, self.settings, self._more = run, run.settings, more
        self._some = run.videos.sample(0, count=self.settings.shape_frames)
        driving = np.concatenate([np.asarray(driving_numbers(clip.expression, clip.pose)) for clip in run.videos.own])
        self._driving = driving_range(driving)
        rig, self._binding = build_rig(run.head, run.betas, self._places(), self._driving)
        self.constants = Scene(rig, jnp.float32(run.image_size))
        self._draw = jax.jit(self._sheet)

    def _places(self) -> Binding:
        """Where the Gaussians of this run sit: on the head, and around it."""
        run, some, settings = self.run, self._some, self.settings
        views = (some.expression, some.pose, some.T_camera_world)
        on_head = binding.on_surface(run.head, run.betas, views, settings.on_surface, run.seed)
        around = shell.around_head(run.head, run.betas, some, settings.on_shell, on_head=on_head, seed=run.seed)
        places = binding.joined(on_head, around)
        return places if self._more is None else binding.joined(places, self._more)

    def initialize(self) -> tuple[Params, Bound]:
        """Gaussians in the median colours of some frames; bases are zero."""
        settings, rig = self.settings, self.constants.rig
        key = jax.random.key(self.run.seed)
        params = initial_params(rig, num_bases=settings.num_bases, hidden=settings.hidden, key=key)
        if self._more is not None:
            params = with_last_hidden(params, len(self._more))
        frames = self.run.videos.sample(0, count=settings.colour_frames)
        params, hair = with_initial_colours(params, rig, frames, training_side=self.run.image_size)
        unseen, driving = jnp.zeros(rig.num_gaussians, bool), jnp.asarray(self._driving, jnp.float32)
        return params, Bound(self._binding, driving, unseen, jnp.asarray(hair), params.colour)

    def prepare(self, frame: Batch) -> Batch:
        """The frame as it is."""
        return frame

    def adam(self) -> optax.GradientTransformation:
        """Adam with the decays of a short run."""
        return rates.adam()

    def labels(self, params: Params) -> Params:
        """See `rates`."""
        return rates.labels(params)

    def rates(self, frames_seen: jax.Array) -> dict[str, Rate]:
        """All decay; bases wait for their time."""
        return rates.rates(frames_seen / self.run.total_frames, bases_after=self.settings.bases_after)

    def forward(
        self,
        params: Params,
        primitives: Bound,
        batch: Batch,
        constants: Scene,
        *,
        overlaps_per_point: int,
        key: jax.Array,
    ) -> tuple[Render, None]:
        """The frames' pictures; noise on what drives the bases keeps them from learning frames by heart."""
        inputs = constants.rig.driving_mean.shape

        def noise(row: jax.Array) -> jax.Array:
            return self.settings.driving_noise * jax.random.normal(jax.random.fold_in(key, row), inputs)

        return _render(params, batch, constants, jax.vmap(noise)(batch.frame), overlaps_per_point), None

    def losses(
        self,
        params: Params,
        primitives: Bound,
        batch: Batch,
        constants: Scene,
        render: Render,
        aux: None,
        *,
        background: jax.Array,
        key: jax.Array,
        frames_seen: jax.Array,
    ) -> dict[str, jax.Array]:
        """Pictures and frames over one background, and what Gaussians are held to."""
        dimming = 1.0 - background[:, None, None, :]
        picture = render.image - dimming * (1.0 - render.alpha[..., None])
        target = batch.over_white() - dimming * (1.0 - batch.alpha()[..., None])
        emphasis = jnp.asarray(batch.emphasis, jnp.float32) / 255.0
        terms = {
            "rgb": losses.emphasised_l1(picture, target, emphasis, gain=self.settings.emphasis),
            "structural": losses.dissimilarity(picture, target),
            "matte": losses.matte_l1(render.alpha, batch.alpha()),
            "offset": losses.offset_prior(params),
            "size": losses.size_prior(params, constants.rig),
            "needles": losses.needle_prior(params),
            "colour": losses.colour_prior(params, constants.rig, primitives.first_colour),
        }
        if self.run.perceptual is not None and self.settings.weights.perceptual:
            terms["perceptual"] = self.run.perceptual(picture, target)
        return terms

    def weights(self, frames_seen: jax.Array) -> dict[str, jax.Array | float]:
        """The settings'."""
        return dataclasses.asdict(self.settings.weights)

    def statistics(self, params: Params, batch: Batch, render: Render, aux: None) -> Statistics:
        """Which Gaussians the frames show."""
        weight = jnp.max(jnp.asarray(render.max_weight), axis=0)
        return Statistics(weight > _SHOWN, weight > _SEEN)

    def hold(self, new: Params, old: Params, statistics: Statistics) -> Params:
        """What no frame shows stays."""
        return rates.hold_hidden(new, old, statistics.shown)

    def observe(self, primitives: Bound, statistics: Statistics) -> Bound:
        """Gaussians that were seen are marked."""
        return dataclasses.replace(primitives, seen=primitives.seen | statistics.seen)

    def next_pause(self, seen: int, step_frames: int) -> int:
        """The end: nothing changes in between."""
        return self.run.total_frames

    def change(self, state: TrainState, seen: int, step_frames: int) -> TrainState:
        """The same state: Gaussians are neither pruned nor split."""
        return state

    def largest(self, state: TrainState) -> TrainState:
        """The same state."""
        return state

    def size(self, state: TrainState) -> str:
        """The number of Gaussians."""
        return f"{state.primitives.seen.size} Gaussians"

    def memory_knob(self) -> str:
        """The number of Gaussians on the head."""
        return "--config.on_surface"

    def figures(self, state: TrainState) -> dict[str, float]:
        """How many Gaussians there are, and how many of them were seen."""
        return {"gaussians": state.primitives.seen.size, "seen": int(state.primitives.seen.sum())}

    def draw(self, state: TrainState, batch: Batch) -> dict[str, jax.Array]:
        """Held-out frames."""
        return {"render": self.draw_params(state.params, batch)}

    def draw_params(self, params: Params, batch: Batch) -> jax.Array:
        """Pictures (B, H, W, 3) of frames, whatever the parameters."""
        return self._draw(params, batch, self.constants)

    def finish(self, state: TrainState, folder: pathlib.Path) -> None:
        """Nothing: the checkpoint knows all."""

    def describe(self) -> dict[str, Any]:
        """How pictures are drawn."""
        return {"training_side": self.run.image_size}

    def _sheet(self, params: Params, batch: Batch, constants: Scene) -> jax.Array:
        quiet = jnp.zeros((len(batch.frame), *constants.rig.driving_mean.shape))
        return _render(params, batch, constants, quiet, None).image


def _render(params: Params, batch: Batch, constants: Scene, noise: jax.Array, overlaps_per_point: int | None) -> Render:
    """The pictures of a batch over white, with noise (B, 62) on what drives the bases."""
    rig = constants.rig
    room = overlaps_per_point * rig.num_gaussians if overlaps_per_point else None

    def one(frame: Batch, noise: jax.Array) -> Render:
        out = draw_frame(
            params,
            rig,
            frame.expression,
            frame.pose,
            frame.cameras,
            training_side=constants.training_side,
            noise=noise,
            max_overlaps=room,
        )
        return over_white(out)

    return jax.vmap(one)(batch, noise)
