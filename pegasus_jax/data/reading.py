"""Reading a dataset folder: everything is checked before any work starts."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from pegasus_jax.data import layout, pictures
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, POSE_SIZE

# The first release of IMAvatar stored intrinsics in pixels of 512 x 512 images: there cy is above 1.
_OLD_INTRINSICS_SIDE = 512.0


def read_dataset(folder: str | os.PathLike, *, json_name: str = layout.PARAMS_JSON) -> Dataset:
    """Reads and checks a dataset folder, ours or published IMAvatar data.

    Args:
        folder: holds `image/`, `mask/` and the json.
        json_name: the json's name, relative to `folder`.

    Raises:
        UserError: anything is missing, of wrong length or size, not finite, or outside the folder;
            the message names the file and the key.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give a dataset folder, as `capture` writes it.")
    path = _inside(folder, json_name, where="json_name")
    params = _read_json(path)
    entries = _get(params, "frames", where=str(path))
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: frames must be a list of at least one frame.")
    numbers = np.array([_number(folder, entry, where=f"{path}: frames[{i}]") for i, entry in enumerate(entries)])
    if len(set(numbers.tolist())) < len(numbers):
        raise UserError(f"{path}: two frames have the same file_path; keep one of them.")
    return Dataset(
        folder=folder,
        numbers=numbers,
        world_mat=_frame_arrays(path, entries, "world_mat", (3, 4)),
        expression=_frame_arrays(path, entries, "expression", (NUM_EXPRESSION,)),
        pose=_frame_arrays(path, entries, "pose", (POSE_SIZE,)),
        intrinsics=_intrinsics(path, params),
        betas=_array(params, "shape_params", (NUM_BETAS,), where=str(path)),
        image_size=_common_size(folder, numbers.tolist()),
        capture=_capture(folder),
        part_names=layout.part_names(folder),
    )


def _read_json(path: pathlib.Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: this is not a dataset folder.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as json ({error}).") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} must hold a json object.")
    return value


def _capture(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / layout.CAPTURE_JSON
    return _read_json(path) if path.exists() else {}


def _inside(folder: pathlib.Path, name: Any, *, where: str) -> pathlib.Path:
    """`folder / name`; judged by the name alone, so that a user may keep links to another disk."""
    plain = os.path.normpath(name) if isinstance(name, str) else ".."
    if os.path.isabs(plain) or plain.split(os.sep)[0] == "..":
        raise UserError(f"{where}: {name!r} leads outside {folder}; paths must stay in the dataset folder.")
    return folder / plain


def _number(folder: pathlib.Path, entry: Any, *, where: str) -> int:
    name = _get(entry, "file_path", where=where)
    path = _inside(folder, name, where=f"{where}.file_path")
    if path.parent != folder / layout.IMAGE or not path.stem.isdecimal():
        raise UserError(f"{where}.file_path must look like './{layout.IMAGE}/1'; got {name!r}.")
    return int(path.stem)


def _get(entry: Any, key: str, *, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise UserError(f"{where} has no {key!r}.")
    return entry[key]


def _array(entry: Any, key: str, shape: tuple[int, ...], *, where: str) -> np.ndarray:
    value = _get(entry, key, where=where)
    try:
        array = np.asarray(value, np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {key} must be numbers of shape {shape}.") from error
    if array.shape != shape:
        raise UserError(f"{where}: {key} must have shape {shape}; it has {array.shape}.")
    if not np.isfinite(array).all():
        raise UserError(f"{where}: {key} has a value that is not finite.")
    return array


def _frame_arrays(path: pathlib.Path, entries: list, key: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([_array(e, key, shape, where=f"{path}: frames[{i}]") for i, e in enumerate(entries)])


def _intrinsics(path: pathlib.Path, params: dict[str, Any]) -> np.ndarray:
    intrinsics = _array(params, "intrinsics", (4,), where=str(path))
    if intrinsics[3] > 1:
        intrinsics = intrinsics / np.float32(_OLD_INTRINSICS_SIDE)
    if intrinsics[0] == 0 or intrinsics[1] <= 0:
        raise UserError(f"{path}: intrinsics must be [-fx/W, fy/H, cx/W, cy/H] with fx, fy above 0.")
    return intrinsics


def _common_size(folder: pathlib.Path, numbers: list[int]) -> tuple[int, int]:
    """(H, W) that all pictures and masks share. Masks of parts may be missing, but not differ."""
    size = pictures.png_size(layout.image_path(folder, numbers[0]))
    names = layout.part_names(folder)
    for number in numbers:
        parts = [layout.part_path(folder, name, number) for name in names]
        pair = [layout.image_path(folder, number), layout.mask_path(folder, number)]
        for path in pair + [part for part in parts if part.exists()]:
            found = pictures.png_size(path)
            if found != size:
                raise UserError(
                    f"{path} is {found[1]}x{found[0]} pixels where the first image is {size[1]}x{size[0]}; "
                    "all images and masks of a folder must have one size."
                )
    return size
