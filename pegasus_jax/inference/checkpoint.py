"""Reading the newest checkpoint of a work folder as named host arrays."""

import dataclasses
import hashlib
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from pegasus_jax import processes, progress
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files, limits

FOLDER = "checkpoints"
_SEAL = "sha256"
_MEMORY_PER_BYTE = 32  # of a checkpoint on disk


@dataclasses.dataclass(frozen=True)
class Found:
    """The newest checkpoint that can be read."""

    leaves: dict[str, np.ndarray]
    damaged: tuple[int, ...]  # newer ones that cannot


def read_newest(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """All arrays of the newest checkpoint by their dotted names; of the one before, with a warning, if it is damaged.

    Raises:
        UserError: there is no checkpoint, or none that can be read.
    """
    folder = (workdir / FOLDER).absolute()
    if not folder.is_dir():
        raise _none_yet(workdir)
    with open_manager(workdir) as manager:
        return newest(manager, where=workdir).leaves


def open_manager(workdir: pathlib.Path, **options: Any) -> ocp.CheckpointManager:
    """The manager of a work folder's checkpoints; it can tell a checkpoint's arrays before reading them.

    It waits for no other process: where there are several, one of them alone has the work folder.

    Raises:
        UserError: among the checkpoints' files is one that is no regular file.
    """
    folder = (workdir / FOLDER).absolute()
    _check_files(folder)
    alone = ocp.options.MultiprocessingOptions(
        primary_host=processes.index(), active_processes={processes.index()}, barrier_sync_key_prefix="alone"
    )
    return ocp.CheckpointManager(
        folder,
        item_handlers=ocp.StandardCheckpointHandler(multiprocessing_options=alone),
        options=ocp.CheckpointManagerOptions(create=False, multiprocessing_options=alone, **options),
    )


def sealed(leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays and a hash of them, by which `newest` knows that nothing was changed."""
    return {**leaves, _SEAL: np.frombuffer(_digest(leaves), np.uint8)}


def newest(manager: ocp.CheckpointManager, *, where: pathlib.Path) -> Found:
    """The newest checkpoint of an open manager that can be read; says which ones cannot.

    Raises:
        UserError: there is no checkpoint, or none that can be read.
    """
    damaged: list[int] = []
    for step in sorted(manager.all_steps(), reverse=True):
        try:
            return Found(_read(manager, step), tuple(damaged))
        except Exception as error:  # orbax, tensorstore and json each raise their own on damaged files
            damaged.append(step)
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            progress.note(f"{where / FOLDER / str(step)} is damaged ({reason}); trying the one before.")
    if damaged:
        raise UserError(f"No checkpoint in {where} can be read; restore {where / FOLDER} from a copy, or train anew.")
    raise _none_yet(where)


def _read(manager: ocp.CheckpointManager, step: int) -> dict[str, np.ndarray]:
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    abstract = {
        name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
        for name, leaf in manager.item_metadata(step).items()
    }
    _check_memory(abstract, pathlib.Path(manager.directory) / str(step))
    restored = manager.restore(step, args=ocp.args.StandardRestore(abstract))
    leaves = {name: np.asarray(leaf) for name, leaf in restored.items()}
    seal = leaves.pop(_SEAL, None)
    if seal is not None and seal.tobytes() != _digest(leaves):
        raise ValueError("its arrays are not those that were saved")
    return _renamed(leaves)


def _check_files(folder: pathlib.Path) -> None:
    """Orbax would wait for a pipe, and read a device without end."""
    for there, _, names in os.walk(folder):
        for name in names:
            if not files.is_regular(pathlib.Path(there) / name):
                raise UserError(f"{pathlib.Path(there) / name} is no regular file; restore {folder} from a copy.")


def _check_memory(shapes: Mapping[str, jax.ShapeDtypeStruct], folder: pathlib.Path) -> None:
    """Arrays of zeros take little on disk, but not nothing."""
    stored = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    needed = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in shapes.values())
    if needed > max(limits.unpacked_bytes(0), _MEMORY_PER_BYTE * stored):
        raise ValueError(f"its arrays would take {needed / 2**20:,.0f} MiB, and are {stored / 2**20:,.1f} MiB on disk")


def _renamed(leaves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as they are called since there are families: version 0.1 had a cloud, and corrections of tracking."""
    now = {}
    for name, leaf in leaves.items():
        if ".tracking." not in name:
            room = name == "cloud.overlaps_per_point"
            now[name.removeprefix("cloud.") if room else name.replace("cloud.", "primitives.", 1)] = leaf
    return now


def _digest(leaves: Mapping[str, np.ndarray]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(leaves):
        array = np.asarray(leaves[name])
        digest.update(f"{name} {array.shape} {array.dtype}".encode() + array.tobytes())
    return digest.digest()


def _none_yet(workdir: pathlib.Path) -> UserError:
    return UserError(f"{workdir} holds no checkpoint yet; train first: launch.py train --workdir={workdir}")
