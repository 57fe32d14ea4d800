"""What a run of PERSE learns, and the bookkeeping of its points."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pegasus_jax.core.model import TrainState
from pegasus_jax.families.gaussians.perse.schedule import Schedule


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Frames:
    """What is added to the tracked parameters of F training frames."""

    expression: jax.Array  # (F, 50)
    pose: jax.Array  # (F, 15) radians


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Params:
    """Everything that is learned."""

    networks: nnx.State
    points: jax.Array  # (N, 3) generic canonical space, head units
    frames: Frames | None  # None: frames are as tracked


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Bookkeeping:
    """What a run keeps of its N points besides what it learns."""

    opaque: jax.Array  # (N,) bool: in some frame of this epoch, at least half
    floor: jax.Array  # () rho, head units
    epoch: jax.Array  # () int32: epochs that are over


def at_epoch(state: TrainState, schedule: Schedule, *, epoch: int, first: int, key: jax.Array) -> TrainState:
    """The state as an epoch begins: at the end of a period, transparent points go and copies of others come.

    Args:
      state: at the end of the epoch before.
      schedule: of the points.
      epoch: the one that begins, from 1.
      first: how many points the run began with.
      key: of the copies.
    """
    if epoch % schedule.period == 0:
        state = _refilled(state, schedule.target(epoch, first), schedule.jitter(epoch, first), key)
    kept = Bookkeeping(
        opaque=jnp.zeros(len(state.params.points), bool),
        floor=jnp.float32(schedule.floor(epoch, first)),
        epoch=jnp.int32(epoch),
    )
    return dataclasses.replace(state, primitives=kept)


def with_points(state: TrainState, count: int) -> TrainState:
    """A state of `count` points, whatever they are: all that depends on shapes alone is as it will be."""
    return _arranged(state, np.zeros(count, int), 0, jnp.zeros((count, 3)))


def _refilled(state: TrainState, target: int, jitter: float, key: jax.Array) -> TrainState:
    """Opaque points alone, and copies of them, each moved a little, up to `target`; if none is opaque, all stay."""
    opaque = np.asarray(state.primitives.opaque)
    kept = np.flatnonzero(opaque if opaque.any() else np.ones_like(opaque))[:target]
    choose, move = jax.random.split(key)
    copied = np.asarray(jax.random.randint(choose, (target - len(kept),), 0, len(kept)))
    rows = np.concatenate([kept, kept[copied]])
    moves = jitter * jax.random.uniform(move, (target, 3), jnp.float32, -0.5, 0.5)
    is_copy = np.arange(target) >= len(kept)
    points = state.params.points[rows] + jnp.where(is_copy[:, None], moves, 0.0)
    return _arranged(state, rows, len(kept), points)


def _arranged(state: TrainState, rows: np.ndarray, kept: int, points: jax.Array) -> TrainState:
    """The state with other points; the first `kept` have Adam's moments of the old ones at `rows`, others none."""
    is_old = jnp.asarray(np.arange(len(rows)) < kept)

    def carried(moment: Params) -> Params:
        return dataclasses.replace(moment, points=jnp.where(is_old[:, None], moment.points[rows], 0.0))

    moments = state.moments._replace(mu=carried(state.moments.mu), nu=carried(state.moments.nu))
    bookkeeping = dataclasses.replace(state.primitives, opaque=jnp.zeros(len(rows), bool))
    params = dataclasses.replace(state.params, points=points)
    return dataclasses.replace(state, params=params, moments=moments, primitives=bookkeeping)
