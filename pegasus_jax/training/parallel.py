"""Data parallelism: the one place that knows how a step reaches the devices (`jax.pmap`)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pegasus_jax import processes
from pegasus_jax.core.model import TrainState
from pegasus_jax.data.frames import Batch, take
from pegasus_jax.training.reduction import DEVICES, Gradients, in_order
from pegasus_jax.training.step import Step


class DataParallel:
    """Runs a step on the devices of all processes; state is replicated, a batch is split along its first axis.

    Arrays here have a leading axis of this process's own devices.
    """

    def __init__(self, devices: list[jax.Device] | None = None):
        self.devices = devices or sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
        self.local = [device for device in self.devices if device.process_index == jax.process_index()]
        if len(self.local) < self.size:
            self._connect()

    @property
    def size(self) -> int:
        """Number of devices of all processes."""
        return len(self.devices)

    def _connect(self) -> None:
        """Adds something up over all devices while all processes are here.

        On CPUs that opens the connections, for which JAX waits half a minute: too short for a process that compiles.
        """
        processes.wait_for_all()
        one = np.ones(len(self.local), np.float32)
        jax.block_until_ready(jax.pmap(lambda x: jax.lax.psum(x, DEVICES), DEVICES, devices=self.devices)(one))
        multihost_utils.process_allgather(one, tiled=True)

    def wrap(self, step: Step) -> jax.stages.Wrapped:
        """The step with a leading device axis on all arguments and results; the state is given up."""
        return jax.pmap(step, axis_name=DEVICES, devices=self.devices, donate_argnums=0)

    def replicate(self, tree: Any) -> Any:
        """A copy of the tree for each device, placed as a step's results are, so that the step compiles once."""
        stacked = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * len(self.local)), tree)
        return jax.device_put(stacked, NamedSharding(Mesh(np.array(self.local), (DEVICES,)), PartitionSpec(DEVICES)))

    def compiled(
        self, step: jax.stages.Wrapped, state: TrainState, batch: Batch, constants: Any
    ) -> jax.stages.Compiled:
        """The program of a wrapped step for arguments like these, without running it; calls find it compiled.

        Arguments are those of `replicate` and `split`. Arrays, not shapes: pmap needs them to be where they will be.
        """
        return step.lower(self.replicate(state), self.split(batch), self.replicate(constants)).compile()

    def unreplicate(self, tree: Any) -> Any:
        """The first device's copy, by way of the host: arrays that still knew the devices would compile others anew."""
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf.addressable_shards[0].data)[0]), tree)

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Of a step's rows (devices * B,), those that this process's devices take."""
        here = [number for number, device in enumerate(self.devices) if device in self.local]
        return rows.reshape(self.size, -1)[here].reshape(-1)

    def split(self, batch: Any) -> Any:
        """(own devices * B, ...) -> (own devices, B, ...)."""
        return jax.tree.map(lambda leaf: leaf.reshape(len(self.local), -1, *leaf.shape[1:]), batch)


class InFrameOrder:
    """A step whose results are bit-equal however its frames are spread over devices and processes.

    Every frame's gradient is computed by one program, which every device compiles alike; all of them are gathered and
    added up in the order of the frames. XLA rounds otherwise in programs for one device and for several, so none of
    them has the axis `DEVICES`. Gradients go by way of the host: slower than `DataParallel.wrap`, whose interface it
    has.
    """

    def __init__(self, parallel: DataParallel, step: Step):
        self.parallel = parallel
        self._evaluate = jax.jit(lambda state, frame, constants: step.evaluate(_bare(state), frame, _bare(constants)))
        self._update = jax.jit(lambda state, frames: _updated(step, _bare(state), frames))

    def __call__(self, state: TrainState, batch: Batch, constants: Any) -> tuple[TrainState, dict[str, jax.Array]]:
        """As a wrapped step, but the figure `finite` is of frames."""
        asked = []
        for number, device in enumerate(self.parallel.local):
            here, there = _shard(state, number), _shard(constants, number)
            for row in range(batch.frame.shape[1]):
                frame = jax.device_put(take(batch, (number, slice(row, row + 1))), device)
                asked.append(self._evaluate(here, frame, there))
        mine = jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *asked)
        after, metrics = self._update(_shard(state, 0), multihost_utils.process_allgather(mine, tiled=True))
        return self.parallel.replicate(after), self.parallel.replicate(metrics)


def _updated(step: Step, state: TrainState, frames: Gradients) -> tuple[TrainState, dict[str, jax.Array]]:
    reduced = in_order(frames)
    after = step.update(state, reduced, len(frames.terms["loss"]))
    return after, dict(reduced.terms, finite=jax.vmap(Gradients.finite)(frames))


def _bare(tree: Any) -> Any:
    """Without the device axis."""
    return jax.tree.map(lambda leaf: leaf[0], tree)


def _shard(tree: Any, number: int) -> Any:
    """One device's part (1, ...) of arrays with a device axis."""
    return jax.tree.map(lambda leaf: leaf.addressable_shards[number].data, tree)
