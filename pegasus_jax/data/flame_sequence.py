"""A clip's FLAME parameters and cameras as one file that other programs read with numpy or json alone.

Arrays keep the names and conventions of IMAvatar's json (`docs/data.md`); `units` says them in words.
"""

import json
import os
import pathlib
from typing import Any

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.errors import UserError

_SUFFIXES = (".npz", ".json")

_UNITS = (
    "Lengths are head units, 4 per FLAME metre: scale the head model by 4 before world_mat, or its last column by 1/4. "
    "pose is axis-angle in radians: global, neck, jaw, left eye, right eye. world_mat maps the world to a camera that "
    "looks down its -z axis with y up. intrinsics are [-fx/W, fy/H, cx/W, cy/H]; image_size is [H, W] in pixels, with "
    "pixel centres at +0.5."
)


def check_suffix(path: str | os.PathLike) -> None:
    """Whether `write_flame_sequence` can write such a file.

    Raises:
        UserError: its name ends in neither `.npz` nor `.json`.
    """
    if pathlib.Path(path).suffix.lower() not in _SUFFIXES:
        raise UserError(f"{path} must end in {' or '.join(_SUFFIXES)}.")


def write_flame_sequence(dataset: Dataset, path: str | os.PathLike) -> None:
    """Writes F frames' parameters to `path`, `.npz` or `.json` by its suffix.

    Both hold `frame_numbers` (F,), `images` (F,) paths in the dataset folder, `betas` (100,) the person's shape,
    `frame_betas` (F, 100), `expression` (F, 50), `pose` (F, 15), `world_mat` (F, 3, 4), `intrinsics` (F, 4),
    `image_size` (2,), `head` the head model's name ("" if the folder does not say) and `units`, a sentence.

    Raises:
        UserError: the suffix is neither, the place may not be written to, or the disk is full.
    """
    check_suffix(path)
    content = _content(dataset)
    with atomic.file(path) as temporary:
        if temporary.suffix.lower() == ".npz":
            with temporary.open("wb") as file:  # of a name NumPy would make another if it does not like the suffix
                np.savez(file, **content)
        else:
            plain = {key: np.asarray(value).tolist() for key, value in content.items()}
            temporary.write_text(json.dumps(plain) + "\n")


def _content(dataset: Dataset) -> dict[str, Any]:
    return {
        "frame_numbers": dataset.numbers,
        "images": [files.image.relative_to(dataset.folder).as_posix() for files in dataset.files],
        "betas": dataset.betas,
        "frame_betas": dataset.frame_betas,
        "expression": dataset.expression,
        "pose": dataset.pose,
        "world_mat": dataset.world_mat,
        "intrinsics": dataset.intrinsics,
        "image_size": dataset.image_size,
        "head": dataset.capture.get("head", {}).get("name", ""),
        "units": _UNITS,
    }
