"""What the training loop trains: the contract between the loop and a family of avatars.

Methods marked [traced] run inside a compiled step, on arrays without a device axis; the others run on the host, between
steps. What a step needs of a run besides its state and its batch is in `constants`, a pytree that is passed in, so that
a compiled step holds no numbers of one run.
"""

import dataclasses
import pathlib
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import optax

from pegasus_jax.core.render import Render


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """What a run carries from step to step, without a device axis."""

    frames_seen: jax.Array  # () int32
    params: Any  # everything that is learned
    moments: optax.ScaleByAdamState
    primitives: Any  # the family's bookkeeping: which slots are alive, what was seen
    overlaps_per_point: jax.Array  # () int32: for how many (tile, primitive) pairs a primitive the rasteriser has room


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rate:
    """How one group of parameters moves in a step."""

    step: jax.Array | float  # Adam's step size
    decay: float = dataclasses.field(default=0.0, metadata={"static": True})  # of the values, decoupled: AdamW

    def moved(self, value: jax.Array, direction: jax.Array) -> jax.Array:
        """A value after Adam's direction."""
        return value - self.step * (direction + self.decay * value if self.decay else direction)


class AvatarModel(Protocol):
    """One family's model of one run."""

    constants: Any

    def initialize(self) -> tuple[Any, Any]:
        """Parameters and bookkeeping before the first frame."""

    def prepare(self, frame: Any) -> Any:
        """A frame as it is kept in memory: with what the family's losses want to know of it besides pictures."""

    def adam(self) -> optax.GradientTransformation:
        """`optax.scale_by_adam` with the family's decays; all groups share it, so that moments follow primitives."""

    def labels(self, params: Any) -> Any:
        """The name of each leaf's group, a pytree like `params`."""

    def rates(self, frames_seen: jax.Array) -> dict[str, Rate]:
        """How each group moves after so many frames [traced]."""

    def forward(
        self, params: Any, primitives: Any, batch: Any, constants: Any, *, overlaps_per_point: int, key: jax.Array
    ) -> tuple[Render, Any]:
        """The pictures of a batch of one look, and whatever else losses and statistics need [traced]."""

    def losses(
        self,
        params: Any,
        primitives: Any,
        batch: Any,
        constants: Any,
        render: Render,
        aux: Any,
        *,
        background: jax.Array,
        key: jax.Array,
        frames_seen: jax.Array,
    ) -> dict[str, jax.Array]:
        """The terms of the loss, each a mean over the batch, without their weights [traced]."""

    def weights(self, frames_seen: jax.Array) -> dict[str, jax.Array | float]:
        """The weight of each term [traced]."""

    def statistics(self, params: Any, batch: Any, render: Render, aux: Any) -> Any:
        """What steps tell the host: boolean leaves are joined by "any" over frames and devices, others averaged."""

    def hold(self, new: Any, old: Any, statistics: Any) -> Any:
        """`new` parameters or moments, with what no frame of the step touched as in `old` [traced]."""

    def observe(self, primitives: Any, statistics: Any) -> Any:
        """The bookkeeping after a step [traced]."""

    def next_pause(self, seen: int, step_frames: int) -> int:
        """Frames seen at which the host has to look at the state next."""

    def change(self, state: TrainState, seen: int, step_frames: int) -> TrainState:
        """The state as steps after `seen` frames find it: density control, stages. Called at pauses."""

    def largest(self, state: TrainState) -> TrainState:
        """A state of the largest shapes that the run may come to, for telling memory before the first step."""

    def size(self, state: TrainState) -> str:
        """What of the model a step's memory depends on, in words: "15360 points"."""

    def memory_knob(self) -> str:
        """The config's entry to lower where memory is short."""

    def figures(self, state: TrainState) -> dict[str, float]:
        """What the log says of the model."""

    def draw(self, state: TrainState, batch: Any) -> dict[str, jax.Array]:
        """Pictures (B, H, W, 3) of held-out frames of one look, by column of the sheet."""

    def finish(self, state: TrainState, folder: pathlib.Path) -> None:
        """Writes what the end of a run knows beyond its last checkpoint, if the family has that."""

    def describe(self) -> dict[str, Any]:
        """What `avatar.json` says of the family's part, to open the avatar by."""


def initial_state(model: AvatarModel, *, overlaps_per_point: int) -> TrainState:
    """The state before the first frame."""
    params, primitives = model.initialize()
    return TrainState(
        frames_seen=jnp.int32(0),
        params=params,
        moments=model.adam().init(params),
        primitives=primitives,
        overlaps_per_point=jnp.int32(overlaps_per_point),
    )
