"""Checkpoints of a run: orbax, asynchronous, atomic, without a device axis.

A state is stored as a flat dict from names such as `params.networks.canonical.layers.0.v` to arrays, so that any
reader can rebuild it at the capacity that it had.
"""

import pathlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from pegasus_jax.inference import checkpoint
from pegasus_jax.models.leaves import flat, unflat
from pegasus_jax.training.state import TrainState


class Checkpoints:
    """The checkpoints of one work folder; use as a context manager, so that the last save is finished."""

    def __init__(self, workdir: pathlib.Path, *, keep: int = 2):
        self.workdir = workdir
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
        self._manager = checkpoint.open_manager(workdir, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._manager.wait_until_finished()
        self._manager.close()

    def latest(self) -> int | None:
        """Frames seen by the newest checkpoint, or None."""
        return self._manager.latest_step()

    def save(self, state: TrainState) -> None:
        """Starts saving; returns before it is on disk."""
        frames_seen = int(state.frames_seen)
        if frames_seen == self.latest():
            return
        leaves = {name: np.asarray(leaf) for name, leaf in flat(state).items()}
        self._manager.save(frames_seen, args=ocp.args.StandardSave(leaves))

    def restore(self, template: TrainState) -> TrainState:
        """The newest checkpoint as a state like `template`, at its own capacity."""
        leaves = checkpoint.read(self._manager, where=self.workdir)
        return jax.tree.map(jnp.asarray, unflat(template, leaves, where=str(self.workdir)))
