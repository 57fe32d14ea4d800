"""Reading the newest checkpoint of a work folder as named host arrays."""

import pathlib

import jax
import numpy as np
import orbax.checkpoint as ocp

from pegasus_jax.errors import UserError

FOLDER = "checkpoints"


def read_newest(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of the newest checkpoint by their dotted names.

    Raises:
        UserError: there is no checkpoint.
    """
    folder = (workdir / FOLDER).absolute()
    if not folder.is_dir():
        raise UserError(f"{workdir} holds no checkpoint yet; train first: launch.py train --workdir={workdir}")
    with open_manager(workdir) as manager:
        return read(manager, where=workdir)


def open_manager(
    workdir: pathlib.Path, *, options: ocp.CheckpointManagerOptions | None = None
) -> ocp.CheckpointManager:
    """The manager of a work folder's checkpoints; it can tell a checkpoint's arrays before reading them."""
    folder = (workdir / FOLDER).absolute()
    return ocp.CheckpointManager(folder, item_handlers=ocp.StandardCheckpointHandler(), options=options)


def read(manager: ocp.CheckpointManager, *, where: pathlib.Path) -> dict[str, np.ndarray]:
    """The newest checkpoint of an open manager."""
    newest = manager.latest_step()
    if newest is None:
        raise UserError(f"{where} holds no checkpoint yet; train first: launch.py train --workdir={where}")
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    abstract = {
        name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
        for name, leaf in manager.item_metadata(newest).items()
    }
    restored = manager.restore(newest, args=ocp.args.StandardRestore(abstract))
    return {name: np.asarray(leaf) for name, leaf in restored.items()}
