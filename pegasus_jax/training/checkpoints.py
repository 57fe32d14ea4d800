"""Checkpoints of a run: orbax, asynchronous, atomic, without a device axis.

A state is stored as a flat dict from names such as `params.networks.canonical.layers.0.v` to arrays, so that any
reader can rebuild it at the capacity that it had. Process 0 alone reads and writes them; the others get from it what
it read, so that only its host needs the work folder, and all agree on which checkpoint it was.
"""

import contextlib
import pathlib
import types
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from pegasus_jax import atomic, processes
from pegasus_jax.core.leaves import flat, unflat
from pegasus_jax.core.model import TrainState
from pegasus_jax.errors import UserError
from pegasus_jax.inference import checkpoint

_ROOM = "overlaps_per_point"  # was not kept at first: such runs had what their config says
_DISK_FULL = "No space left on device"  # tensorstore's errors keep the system's words, not its number


class Checkpoints:
    """The checkpoints of one work folder; use as a context manager, so that the last save is finished."""

    def __init__(self, workdir: pathlib.Path, *, keep: int = 2):
        self.workdir = workdir
        self._manager: ocp.CheckpointManager | None = None
        if processes.is_first():
            (workdir / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
            self._manager = checkpoint.open_manager(workdir, max_to_keep=keep, cleanup_tmp_directories=True)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        if self._manager is not None:
            with self._told():
                self._manager.wait_until_finished()
            self._manager.close()

    def save(self, state: TrainState) -> None:
        """Starts saving; returns before it is on disk.

        Raises:
            UserError: there was no room for the one before.
        """
        frames_seen = int(state.frames_seen)
        if self._manager is None or frames_seen == self._manager.latest_step():
            return
        leaves = {name: np.asarray(leaf) for name, leaf in flat(state).items()}
        with self._told():
            self._manager.save(frames_seen, args=ocp.args.StandardSave(checkpoint.sealed(leaves)))

    def restore(self, template: TrainState) -> TrainState | None:
        """The newest checkpoint that can be read, as a state like `template` at its own capacity; None without any.

        Damaged ones are set aside with a warning, as the run will come to save the same frame again.

        Raises:
            UserError: there are checkpoints, and all of them are damaged; it was made with other networks.
        """
        leaves = processes.arrays_from_first(self._newest() if self._manager else None)
        if not leaves:
            return None
        leaves.setdefault(_ROOM, flat(template)[_ROOM])
        return jax.tree.map(jnp.asarray, unflat(template, leaves, where=str(self.workdir)))

    def _newest(self) -> dict[str, np.ndarray] | None:
        assert self._manager is not None
        if self._manager.latest_step() is None:
            return None
        found = checkpoint.newest(self._manager, where=self.workdir)
        for step in found.damaged:
            folder = self.workdir / checkpoint.FOLDER / str(step)
            folder.rename(folder.with_name(f"damaged_{step}"))
        self._manager.reload()
        return found.leaves

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            full = isinstance(error, OSError) and atomic.is_disk_full(error)
            if not full and _DISK_FULL not in str(error):
                raise
            raise UserError(
                f"No disk space left while saving a checkpoint in {self.workdir}; the one before is kept: free some "
                "and run it again."
            ) from error
