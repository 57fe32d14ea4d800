"""A person of rigged Gaussians with looks, as the training loop sees it: `core.model.AvatarModel`.

The person is trained first, by all frames as filmed, as `GaussiansModel` does it. Then part-swapped frames teach the
maps of their category alone; frames as filmed go on to teach the person.
"""

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
from pegasus_jax.families.gaussians import binding, rates
from pegasus_jax.families.gaussians.looks import Looks, Reach, first_looks, initial_looks, newcomers, slots, wear
from pegasus_jax.families.gaussians.model import Bound, GaussiansModel, Scene, Statistics
from pegasus_jax.families.gaussians.params import Params
from pegasus_jax.families.gaussians.rates import Decay

_RATES = {
    "look_offset": Decay(5e-2, 2.5e-3),
    "look_quaternion": Decay(5e-3, 1e-3),
    "look_log_scale": Decay(1e-2, 2e-3),
    "look_opacity_logit": Decay(5e-2, 5e-3),
    "look_colour": Decay(1.5e-2, 1.5e-3),
    "codes": Decay(1e-3, 1e-4),
}  # of Adam over the second stage


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class LookParams:
    """Everything that is learned."""

    person: Params
    looks: Looks


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class LookBound:
    """What a run keeps of its Gaussians."""

    person: Bound
    reach: Reach  # nobody before looks join
    joined: jax.Array  # () bool


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class LookStatistics:
    """What steps tell the host."""

    person: Statistics
    filmed: jax.Array  # () bool: one of the frames is as filmed
    worn: jax.Array  # (L,) bool: looks of the frames
    worn_slots: jax.Array  # (C,) bool: their categories


class GenerativeModel:
    """One run of rigged Gaussians with looks."""

    def __init__(self, run: RunData):
        self.run, self.settings = run, run.settings
        self._categories = run.settings.look_categories
        self._slots = slots(self._categories)
        self._slot_of_look = np.array([self._slots.index(name) for name in self._categories])
        added = newcomers(run.head, run.betas, run.videos, run.settings.on_look, seed=run.seed)
        self._sizes = [len(places) for places in added]
        more = added[0]
        for places in added[1:]:
            more = binding.joined(more, places)
        self.person = GaussiansModel(run, more=more)
        self.constants = self.person.constants

    def initialize(self) -> tuple[LookParams, LookBound]:
        """The person before the first frame; no look changes anything."""
        params, bound = self.person.initialize()
        count = self.constants.rig.num_gaussians
        looks = initial_looks(self._categories, self.settings.rank, count, seed=self.run.seed)
        nobody = jnp.zeros((len(self._slots), count))
        return LookParams(params, looks), LookBound(bound, Reach(nobody, nobody), jnp.bool_(False))

    def prepare(self, frame: Batch) -> Batch:
        """The frame as it is."""
        return frame

    def adam(self) -> optax.GradientTransformation:
        """Adam with the decays of a short run."""
        return rates.adam()

    def labels(self, params: LookParams) -> LookParams:
        """The person's groups, and one for each kind of map."""
        maps = {field.name: f"look_{field.name}" for field in dataclasses.fields(params.looks.maps)}
        named = Looks(dataclasses.replace(params.looks.maps, **maps), "codes")  # type: ignore[arg-type]
        return LookParams(self.person.labels(params.person), named)

    def rates(self, frames_seen: jax.Array) -> dict[str, Rate]:
        """The person's decay over the first stage and stay low in the second, in which those of looks decay."""
        first = self.run.stages.first
        share = (frames_seen - first) / max(self.run.total_frames - first, 1)
        joined = jnp.where(frames_seen >= first, 1.0, 0.0)
        person = rates.rates(frames_seen / first, bases_after=self.settings.bases_after)
        return person | {name: Rate(joined * decay.at(share)) for name, decay in _RATES.items()}

    def forward(
        self,
        params: LookParams,
        primitives: LookBound,
        batch: Batch,
        constants: Scene,
        *,
        overlaps_per_point: int,
        key: jax.Array,
    ) -> tuple[Render, None]:
        """The pictures of frames of one look; of part-swapped ones no gradient reaches the person."""
        worn = self._worn(params, primitives.reach.mask, batch.look[0])
        return self.person.forward(
            worn, primitives.person, batch, constants, overlaps_per_point=overlaps_per_point, key=key
        )

    def losses(
        self,
        params: LookParams,
        primitives: LookBound,
        batch: Batch,
        constants: Scene,
        render: Render,
        aux: None,
        *,
        background: jax.Array,
        key: jax.Array,
        frames_seen: jax.Array,
    ) -> dict[str, jax.Array]:
        """Those of one person's Gaussians, as the look has them; a look's colours are held to no first ones."""
        worn = self._worn(params, primitives.reach.mask, batch.look[0])
        free = jax.lax.stop_gradient(worn.colour)
        first_colour = jnp.where(batch.look[0] == 0, primitives.person.first_colour, free)
        return self.person.losses(
            worn,
            dataclasses.replace(primitives.person, first_colour=first_colour),
            batch,
            constants,
            render,
            aux,
            background=background,
            key=key,
            frames_seen=frames_seen,
        )

    def weights(self, frames_seen: jax.Array) -> dict[str, jax.Array | float]:
        """The settings'."""
        return self.person.weights(frames_seen)

    def statistics(self, params: LookParams, batch: Batch, render: Render, aux: None) -> LookStatistics:
        """Which Gaussians the frames show, under which looks."""
        worn = jnp.any(jnp.arange(1, 1 + len(self._categories))[:, None] == batch.look[None], axis=1)
        of_slot = self._slot_of_look[None] == np.arange(len(self._slots))[:, None]
        return LookStatistics(
            person=self.person.statistics(params.person, batch, render, aux),
            filmed=jnp.any(batch.look == 0),
            worn=worn,
            worn_slots=jnp.any(of_slot & worn[None], axis=1),
        )

    def hold(self, new: LookParams, old: LookParams, statistics: LookStatistics) -> LookParams:
        """The person stays in steps of part-swapped frames; of maps, what the step neither wears nor shows."""
        person = self.person.hold(new.person, old.person, statistics.person)
        person = jax.tree.map(lambda after, before: jnp.where(statistics.filmed, after, before), person, old.person)
        moving = statistics.worn_slots[:, None] & statistics.person.shown[None]  # (C, N)

        def held(after: jax.Array, before: jax.Array) -> jax.Array:
            chosen = moving.reshape(moving.shape[0], *[1] * (after.ndim - 2), moving.shape[1])
            return jnp.where(chosen, after, before)

        maps = jax.tree.map(held, new.looks.maps, old.looks.maps)
        codes = jnp.where(statistics.worn[:, None], new.looks.codes, old.looks.codes)
        return LookParams(person, Looks(maps, codes))

    def observe(self, primitives: LookBound, statistics: LookStatistics) -> LookBound:
        """Gaussians that were seen under any look are marked."""
        return dataclasses.replace(primitives, person=self.person.observe(primitives.person, statistics.person))

    def next_pause(self, seen: int, step_frames: int) -> int:
        """Where looks join, and the end."""
        first = self.run.stages.first
        return first if seen < first else self.run.total_frames

    def change(self, state: TrainState, seen: int, step_frames: int) -> TrainState:
        """The state; as looks join, with what their frames show of each Gaussian, and which of them are theirs."""
        if seen < self.run.stages.first or bool(state.primitives.joined):
            return state
        person, looks, reach = first_looks(
            state.params.looks,
            state.params.person,
            self.constants.rig,
            self.run.videos,
            look_categories=self._categories,
            hair=np.asarray(state.primitives.person.hair),
            sizes=self._sizes,
            frames=self.settings.colour_frames,
            training_side=self.run.image_size,
        )
        params = LookParams(person, looks)
        kept = dataclasses.replace(state.primitives, reach=reach, joined=jnp.bool_(True))
        return dataclasses.replace(state, params=params, primitives=kept)

    def largest(self, state: TrainState) -> TrainState:
        """The same state."""
        return state

    def size(self, state: TrainState) -> str:
        """The number of Gaussians."""
        return f"{self.constants.rig.num_gaussians} Gaussians"

    def memory_knob(self) -> str:
        """The number of Gaussians on the head."""
        return self.person.memory_knob()

    def figures(self, state: TrainState) -> dict[str, float]:
        """How many Gaussians there are, and how many of them were seen."""
        seen = state.primitives.person.seen
        return {"gaussians": seen.size, "seen": int(seen.sum())}

    def draw(self, state: TrainState, batch: Batch) -> dict[str, jax.Array]:
        """Held-out frames of one look."""
        worn = self._worn(state.params, state.primitives.reach.mask, jnp.int32(batch.look[0]))
        return {"render": self.person.draw_params(worn, batch)}

    def finish(self, state: TrainState, folder: pathlib.Path) -> None:
        """Nothing: the checkpoint knows all."""

    def describe(self) -> dict[str, Any]:
        """How pictures are drawn, and the categories of looks."""
        return self.person.describe() | {"look_categories": list(self._categories)}

    def _worn(self, params: LookParams, mask: jax.Array, look: jax.Array) -> Params:
        """The person's parameters under a look, by its number; under others than the first the person is held."""
        filmed = look == 0
        person = jax.tree.map(lambda leaf: jnp.where(filmed, leaf, jax.lax.stop_gradient(leaf)), params.person)
        row = jnp.maximum(look - 1, 0)
        chosen = jnp.arange(len(self._slots)) == jnp.asarray(self._slot_of_look)[row]
        code = jnp.where(filmed, 0.0, params.looks.codes[row])
        return wear(person, params.looks.maps, mask, jnp.where(chosen[:, None], code[None], 0.0))
