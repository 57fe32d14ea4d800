"""Building the open head into the user's assets, with the notice that its licence asks for."""

import importlib.resources
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np

from pegasus_jax import assets, atomic
from pegasus_jax.errors import UserError
from pegasus_jax.flame.ict.convert import VERSION, convert
from pegasus_jax.flame.ict.published import download_folder, open_published
from pegasus_jax.untrusted import npy_files

HEAD_FILE = "ict_head.npz"
_NOTICE_FILE = "ict_head.LICENSE.txt"


def build_head(
    origin: pathlib.Path | None = None, *, folder: pathlib.Path | None = None, hashes: Mapping[str, str] | None = None
) -> pathlib.Path:
    """Builds `ict_head.npz` and its notice; returns the head's path.

    Args:
        origin: a copy of ICT-FaceKit's repository, as a folder or a .zip; None fetches it, unless the head is there.
        folder: where to put the head; the user's cache if None, where every command finds it.
        hashes: SHA-256 by name of the files to read; those of the published files if None.

    Raises:
        UserError: a file is missing, cannot be fetched, or is not the published one; or the disk is full.
    """
    target = (folder or assets.cache_folder()) / HEAD_FILE
    if origin is None and _is_current(target):
        return target
    with open_published(origin, hashes=hashes) as read:
        arrays: dict[str, Any] = convert(read)
    notice = importlib.resources.files(__package__).joinpath("notice.txt").read_text()
    with atomic.file(target.with_name(_NOTICE_FILE)) as partial:
        partial.write_text(notice)
    with atomic.file(target) as partial:
        np.savez_compressed(partial, **arrays, meta_licence_text=np.array(notice))
    if origin is None:
        shutil.rmtree(download_folder())
    return target


def _is_current(head: pathlib.Path) -> bool:
    if not head.is_file():
        return False
    try:
        return np.array_equal(npy_files.read_npz(head, names=("meta_version",)).get("meta_version", ()), VERSION)
    except UserError:
        return False
