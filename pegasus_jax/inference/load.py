"""Opening avatars of any kind from files."""

import os
import pathlib

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.families.points.avatar import DESCRIPTION, Avatar
from pegasus_jax.families.points.fused import FUSION, FusedAvatar
from pegasus_jax.inference import checkpoint
from pegasus_jax.inference.any_avatar import AnyAvatar
from pegasus_jax.inference.description import read_description
from pegasus_jax.inference.npz_file import json_array, read_npz

CORRECTIONS = "corrections.npz"  # in a work folder: what frames show of each point beyond the networks
FUSED_FILE = "fused.npz"  # in the folder that `launch.py fuse` writes


def load(path: str | os.PathLike) -> AnyAvatar:
    """Opens a training work folder, a folder that `fuse` wrote, or an avatar's `.npz`; the content tells which.

    Raises:
        UserError: it is none of these, is damaged, or its head model is gone.
    """
    path = pathlib.Path(path)
    if path.is_dir() and not (path / FUSED_FILE).is_file():
        return Avatar.of_arrays(_run_arrays(path), where=str(path))
    path = path / FUSED_FILE if path.is_dir() else path
    if path.suffix != ".npz" or not path.is_file():
        raise UserError(f"{path} is neither a work folder nor an avatar's .npz; give one of the two.")
    arrays = read_npz(path)
    for key, kind in ((FUSION, FusedAvatar), (DESCRIPTION, Avatar)):
        if key in arrays:
            return kind.of_arrays(arrays, where=str(path))
    raise UserError(f"{path} is not an avatar: it has no {DESCRIPTION!r} entry.")


def load_trained(path: str | os.PathLike) -> Avatar:
    """Opens an avatar that was trained, where one fused of two will not do.

    Raises:
        UserError: it is a fused one, or what `load` says.
    """
    avatar = load(path)
    if not isinstance(avatar, Avatar):
        raise UserError(f"{path} is fused of two avatars; give one that was trained.")
    return avatar


def _run_arrays(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """The newest checkpoint's avatar: living points alone, and no optimiser."""
    leaves = checkpoint.read_newest(workdir)
    description = read_description(workdir)
    prefix = "params."
    arrays = {name.removeprefix(prefix): leaf for name, leaf in leaves.items() if name.startswith(f"{prefix}networks.")}
    alive = leaves["cloud.alive"]
    arrays |= {"points": leaves["params.points"][alive], "part": leaves["cloud.part"][alive]}
    arrays |= _corrections(workdir, int(leaves["frames_seen"]))
    return arrays | {"radius": leaves["cloud.radius"], DESCRIPTION: json_array(description.to_json())}


def _corrections(workdir: pathlib.Path, frames_seen: int) -> dict[str, np.ndarray]:
    """What the end of a run knew of its points, if it was the end of these frames."""
    path = workdir / CORRECTIONS
    found = read_npz(path) if path.is_file() else {}
    return {"corrections": found["corrections"]} if found and int(found["frames_seen"]) == frames_seen else {}
