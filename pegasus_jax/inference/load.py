"""Opening avatars of any family from files."""

import os
import pathlib

import numpy as np

from pegasus_jax import families
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import DESCRIPTION, FUSION, AvatarDescription, read_description
from pegasus_jax.inference import checkpoint
from pegasus_jax.npz_file import array_json, json_array
from pegasus_jax.untrusted.npy_files import read_npz

FUSED_FILE = "fused.npz"  # in the folder that `launch.py fuse` writes


def load(path: str | os.PathLike) -> Avatar:
    """Opens a training work folder, a folder that `fuse` wrote, or an avatar's `.npz`; the content tells which.

    Raises:
        UserError: it is none of these, is damaged, or its head model is gone.
    """
    path = pathlib.Path(path)
    if path.is_dir() and not (path / FUSED_FILE).is_file():
        return _open_run(path)
    path = path / FUSED_FILE if path.is_dir() else path
    if path.suffix.lower() != ".npz" or not path.is_file():
        raise UserError(f"{path} is neither a work folder nor an avatar's .npz; give one of the two.")
    arrays = read_npz(path)
    if FUSION in arrays:
        family = array_json(arrays, FUSION, where=str(path)).get("family", "points")
    elif DESCRIPTION in arrays:
        family = AvatarDescription.from_json(array_json(arrays, DESCRIPTION, where=str(path)), where=str(path)).family
    else:
        raise UserError(f"{path} is not an avatar: it has neither a {DESCRIPTION!r} nor a {FUSION!r} entry.")
    return families.find(family).open(arrays, where=str(path))


def _open_run(workdir: pathlib.Path) -> Avatar:
    """The newest checkpoint's avatar."""
    leaves, description = checkpoint.read_newest(workdir), read_description(workdir)
    family = families.find(description.family)
    arrays: dict[str, np.ndarray] = family.arrays(workdir, leaves)
    return family.open(arrays | {DESCRIPTION: json_array(description.to_json())}, where=str(workdir))
