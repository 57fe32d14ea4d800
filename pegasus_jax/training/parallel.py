"""Data parallelism: the one place that knows how a step reaches the devices (`jax.pmap`)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pegasus_jax.training.step import DEVICES


class DataParallel:
    """Runs a step on every local device; state is replicated, a batch is split along its first axis."""

    def __init__(self, devices: list[jax.Device] | None = None):
        self.devices = devices or jax.local_devices()

    @property
    def size(self) -> int:
        """Number of devices."""
        return len(self.devices)

    def wrap(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The step with a leading device axis on all arguments and results; the first argument is given up."""
        return jax.pmap(step, axis_name=DEVICES, devices=self.devices, donate_argnums=0)

    def replicate(self, tree: Any) -> Any:
        """A copy of the tree for each device, placed as a step's results are, so that the step compiles once."""
        stacked = jax.tree.map(lambda leaf: np.stack([np.asarray(leaf)] * self.size), tree)
        return jax.device_put(stacked, NamedSharding(Mesh(np.array(self.devices), (DEVICES,)), PartitionSpec(DEVICES)))

    def unreplicate(self, tree: Any) -> Any:
        """The first device's copy, by way of the host: arrays that still knew the devices would compile others anew."""
        return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf.addressable_shards[0].data)[0]), tree)

    def split(self, batch: Any) -> Any:
        """(devices * B, ...) -> (devices, B, ...)."""
        return jax.tree.map(lambda leaf: leaf.reshape(self.size, -1, *leaf.shape[1:]), batch)
