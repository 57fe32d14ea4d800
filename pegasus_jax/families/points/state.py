"""What a run of points learns, and the bookkeeping of its point slots."""

import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.model import TrainState


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Params:
    """Everything that is learned."""

    networks: nnx.State
    points: jax.Array  # (capacity, 3) generic canonical space, head units


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Cloud:
    """Bookkeeping of the point slots."""

    alive: jax.Array  # (capacity,) bool: False marks an empty slot
    visible: jax.Array  # (capacity,) bool: seen since the last change of the cloud
    nearest: jax.Array  # (looks, capacity) int32: nearest head vertex under each look, refreshed now and then
    part: jax.Array  # (capacity,) int32: part of the head that the point keeps to; see head_space
    radius: jax.Array  # () NDC
    changes: jax.Array  # () int32: how often it was pruned or grown

    @property
    def capacity(self) -> int:
        """Number of slots."""
        return self.alive.shape[0]


def replace_points(state: TrainState, rows: jax.Array, filled: jax.Array, points: jax.Array) -> TrainState:
    """A state whose point slots are `points` (capacity', 3), with the Adam moments of old slots `rows`.

    `rows` (capacity',) int32 says whose moments a slot takes over; where `filled` (capacity',) is False the slot is
    new or empty and starts with zero moments.
    """

    def carry(moment: Params) -> Params:
        kept = jnp.where(filled[:, None], moment.points[rows], 0.0)
        return dataclasses.replace(moment, points=kept)

    moments = state.moments._replace(mu=carry(state.moments.mu), nu=carry(state.moments.nu))
    return dataclasses.replace(state, params=dataclasses.replace(state.params, points=points), moments=moments)
