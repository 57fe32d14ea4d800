"""Points as the training loop sees them: `core.model.AvatarModel`."""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pegasus_jax import npz_file
from pegasus_jax.core import latents, touched_codes
from pegasus_jax.core.model import Rate, TrainState
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.run_data import RunData
from pegasus_jax.data.stages import next_multiple
from pegasus_jax.families.free_points.head_space import HeadSpace, may_show, nearest_vertices, point_scale
from pegasus_jax.families.points import cloud, head_in_clip, joining, terms
from pegasus_jax.families.points.appearance import seen_beyond
from pegasus_jax.families.points.frame import render_frames
from pegasus_jax.families.points.initial import initial_points
from pegasus_jax.families.points.networks import AvatarNetworks, canonicalise, flame_canonical
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.state import Cloud, Params
from pegasus_jax.families.points.terms import Scene

VISIBLE_WEIGHT = 0.5  # a point is visible where its compositing weight exceeds this
CORRECTIONS = "corrections.npz"  # in a work folder: what frames show of each point beyond the networks
_SHEET = ("rgb", "normals", "albedo", "shading")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Statistics:
    """What steps tell the host."""

    seen: jax.Array  # (capacity,) bool: points that one of the frames shows
    touched: touched_codes.Touched  # rows of tables that one of the frames shows


class PointsModel:
    """One run of points."""

    def __init__(self, run: RunData, scene: Scene):
        """`scene` is `make_scene`'s of the run."""
        self.run, self.settings, self.constants = run, run.settings, scene
        networks = AvatarNetworks(run.settings.networks, rngs=nnx.Rngs(run.seed))
        self.graphdef, self.network_state = nnx.split(networks)
        self._nearest = jax.jit(self._search_nearest)
        self._draw = jax.jit(self._render_sheet)

    def initialize(self) -> tuple[Params, Cloud]:
        """Networks and points before the first frame; empty slots as the schedule asks for."""
        points, part = initial_points(self.settings, self.constants.space, self.run.videos, seed=self.run.seed)
        schedule = self.settings.cloud
        found = cloud.full_cloud(part, schedule.init_radius, looks=len(self.run.videos.counts))
        return cloud.with_room(Params(self.network_state, jnp.asarray(points)), found, schedule.least_capacity)

    def prepare(self, frame: Batch) -> Batch:
        """A frame with what the head model shows of its inside, if a loss looks at that."""
        if not self.settings.step.weights.inner:
            return frame
        return dataclasses.replace(frame, inner=head_in_clip.inner_shown(self.constants.space, frame))

    def adam(self) -> optax.GradientTransformation:
        """Adam with its usual decays."""
        return optax.scale_by_adam()

    def labels(self, params: Params) -> Any:
        """Networks, the codes among them, and points."""

        def label(path: tuple, _: jax.Array) -> str:
            return "latents" if path[0].key == "latents" else "networks"

        networks = jax.tree_util.tree_map_with_path(label, params.networks)
        return Params(networks, "points")  # type: ignore[arg-type]

    def rates(self, frames_seen: jax.Array) -> dict[str, Rate]:
        """All decay together; codes wait for their time."""
        config = self.settings.step
        factor = terms.learning_rate_factor(frames_seen, config)
        waits = jnp.where(frames_seen >= config.latents_after, config.rates.latents, 0.0)
        return {
            "networks": Rate(factor * config.rates.networks),
            "points": Rate(factor * config.rates.points),
            "latents": Rate(factor * waits),
        }

    def forward(
        self,
        params: Params,
        primitives: Cloud,
        batch: Batch,
        constants: Scene,
        *,
        overlaps_per_point: int,
        key: jax.Array | None = None,
    ) -> tuple[Render, CanonicalPoints]:
        """The pictures of frames of one look, and its canonical points."""
        config = self.settings.step
        options = RenderOptions(
            channels=config.render.channels,
            max_points_per_pixel=config.render.max_points_per_pixel,
            overlaps_per_point=overlaps_per_point,
        )
        return self._render(params, primitives, batch, constants, options, jacobian_gradient=config.jacobian_gradient)

    def losses(
        self,
        params: Params,
        primitives: Cloud,
        batch: Batch,
        constants: Scene,
        render: Render,
        aux: CanonicalPoints,
        *,
        background: jax.Array,
        key: jax.Array,
        frames_seen: jax.Array,
    ) -> dict[str, jax.Array]:
        """The losses of pictures and of points."""
        networks, config = nnx.merge(self.graphdef, params.networks), self.settings.step
        found = terms.picture_terms(render, batch, background, config.weights, self.run.perceptual)
        return found | terms.point_terms(
            networks, params.points, aux, batch.look[0], constants, primitives, config, key
        )

    def weights(self, frames_seen: jax.Array) -> dict[str, jax.Array | float]:
        """Those of the config; that of FLAME halves, that of spill waits."""
        config = self.settings.step
        return dataclasses.asdict(config.weights) | {
            "flame": terms.flame_weight(frames_seen, config),
            "spill": jnp.where(frames_seen >= config.spill_after, config.weights.spill, 0.0),
        }

    def statistics(self, params: Params, batch: Batch, render: Render, aux: CanonicalPoints) -> Statistics:
        """Which points and which rows of tables the frames show."""
        assert render.is_front is not None and render.max_weight is not None
        table = nnx.merge(self.graphdef, params.networks).latents
        seen = jnp.any(render.is_front | (render.max_weight > VISIBLE_WEIGHT), axis=0)
        return Statistics(seen, touched_codes.touched(table, batch.look))

    def hold(self, new: Params, old: Params, statistics: Statistics) -> Params:
        """Codes that no frame shows stay."""
        held = touched_codes.hold_untouched(new.networks, old.networks, statistics.touched)
        return dataclasses.replace(new, networks=held)

    def observe(self, primitives: Cloud, statistics: Statistics) -> Cloud:
        """Points that were seen are marked."""
        return dataclasses.replace(primitives, visible=primitives.visible | statistics.seen)

    def next_pause(self, seen: int, step_frames: int) -> int:
        """The next search for nearest vertices or change of the cloud."""
        schedule = self.settings.cloud
        next_search = next_multiple(seen, schedule.nearest_period)
        return min(next_search, self.run.stages.next_stop(seen, schedule.period))

    def change(self, state: TrainState, seen: int, step_frames: int) -> TrainState:
        """Prunes, grows, lets part-swapped videos join, and searches nearest vertices anew."""
        return self._refresh_nearest(self._change_cloud(state, seen), seen, step_frames)

    def largest(self, state: TrainState) -> TrainState:
        """As many slots as the schedule allows, all of them empty."""
        return cloud.empty_at(state, max(self.settings.cloud.max_points, state.primitives.capacity))

    def size(self, state: TrainState) -> str:
        """The number of slots."""
        return f"{state.primitives.capacity} points"

    def memory_knob(self) -> str:
        """The largest number of points."""
        return "--config.cloud.max_points"

    def figures(self, state: TrainState) -> dict[str, float]:
        """How many points there are, and how large."""
        return {"points": int(state.primitives.alive.sum()), "radius": float(state.primitives.radius)}

    def draw(self, state: TrainState, batch: Batch) -> dict[str, jax.Array]:
        """Render, normals, albedo and shading of frames of one look."""
        render = self._draw(state.params, state.primitives, batch, self.constants)
        return {
            "render": render.image,
            "normals": render.normals,
            "albedo": render.albedo,
            "shading": render.shading,
        }

    def finish(self, state: TrainState, folder: pathlib.Path) -> None:
        """Writes what frames show of each point beyond the networks; also in a run that is continued at its end."""
        path = folder / CORRECTIONS
        if self.settings.point_corrections and not path.exists():
            found = seen_beyond(self.graphdef, state, self.constants.space, self.run.videos)
            arrays = {"corrections": found.astype(np.float16), "frames_seen": np.asarray(state.frames_seen)}
            npz_file.write_npz(path, arrays)

    def describe(self) -> dict[str, Any]:
        """What it takes to build the networks, and how points are drawn."""
        return {
            "networks": dataclasses.asdict(self.settings.networks),
            "max_points_per_pixel": self.settings.step.render.max_points_per_pixel,
            "ndc_per_unit": self.run.videos.ndc_per_unit,
        }

    def _render(
        self,
        params: Params,
        primitives: Cloud,
        batch: Batch,
        constants: Scene,
        options: RenderOptions,
        *,
        jacobian_gradient: bool,
    ) -> tuple[Render, CanonicalPoints]:
        networks: AvatarNetworks = nnx.merge(self.graphdef, params.networks)
        look = batch.look[0]  # that of all frames of a device's share
        z = latents.flatten(networks.latents.latent(look))
        points = canonicalise(
            networks,
            constants.space,
            params.points,
            z,
            primitives.nearest[look],
            primitives.part,
            jacobian_gradient=jacobian_gradient,
        )
        render = render_frames(
            networks,
            constants.space,
            points,
            z,
            batch.motion,
            radius=primitives.radius,
            alive=primitives.alive,
            options=options,
            jacobian_gradient=jacobian_gradient,
        )
        return render, points

    def _render_sheet(self, params: Params, primitives: Cloud, batch: Batch, constants: Scene) -> Render:
        options = RenderOptions(channels=_SHEET)
        return self._render(params, primitives, batch, constants, options, jacobian_gradient=False)[0]

    def _change_cloud(self, state: TrainState, seen: int) -> TrainState:
        """Prunes and grows once for each period that has ended, and lets swapped videos join; the state counts."""
        schedule, stages, run = self.settings.cloud, self.run.stages, self.run
        space = self.constants.space
        while (changes := int(state.primitives.changes)) < stages.changes_due(seen, schedule.period):
            if changes == stages.joining(schedule.period):
                state = joining.join(self.graphdef, state, space, run.videos, self.settings, seed=run.seed)
                continue
            key = jax.random.fold_in(jax.random.key(run.seed), changes)
            points, worn = state.primitives, stages.worn(seen)
            spared = np.any([may_show(space, nearest, points.part) for nearest in points.nearest[:worn]], axis=0)
            room = joining.room(self.settings, stages.looks) if worn < stages.looks else 0
            growth = dataclasses.replace(schedule, max_points=schedule.max_points - room)
            scale = point_scale(space, points.nearest[0], points.part)
            state = cloud.change_cloud(state, growth, key, scale=scale, spared=spared)
        return state

    def _refresh_nearest(self, state: TrainState, seen: int, step_frames: int) -> TrainState:
        nearest = state.primitives.nearest
        for look in self.run.stages.to_refresh(seen, self.settings.cloud.nearest_period, step_frames):
            nearest = nearest.at[look].set(self._nearest(state, self.constants.space, look))
        return dataclasses.replace(state, primitives=dataclasses.replace(state.primitives, nearest=nearest))

    def _search_nearest(self, state: TrainState, space: HeadSpace, look: jax.Array) -> jax.Array:
        networks = nnx.merge(self.graphdef, state.params.networks)
        z = latents.flatten(networks.latents.latent(look))
        return nearest_vertices(space, flame_canonical(networks, state.params.points, z), state.primitives.part)
