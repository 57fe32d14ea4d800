"""Checks that every reader of a dataset folder makes: of json values, of arrays, of names of files.

Each failure is one sentence with the file and the key.
"""

import contextlib
import os
import pathlib
import re
from typing import Any

import numpy as np

from pegasus_jax.core.settings import shown
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files, json_text

_NUMBERS = r"[-+.\deE,\s\[\]]*"
_NUMBERS_AND_TEXT = "biufSU"  # kinds of dtypes: text that spells numbers is taken for them
_LONGEST_NAME, _LONGEST_PATH = 255, 4096  # bytes
_RIGID = 1e-3  # how far rows of a rotation may be from orthonormal: jsons are written with few digits


def read_json(path: pathlib.Path, *, without: str | None = None) -> dict[str, Any]:
    """The json object in a file; arrays of numbers under the key `without` are not made, which takes time.

    Raises:
        UserError: the file is missing, is not json, or holds something else than an object.
    """
    if not os.path.lexists(path):
        raise UserError(f"{path} is missing: this is not a dataset folder.")
    text = files.read_text(path)
    if without is not None:
        text = re.sub(rf'("{without}":\s*)\[{_NUMBERS}\]', r"\1[]", text)
    return json_text.as_object(json_text.parse(text, source=str(path)), source=str(path))


def frame_entries(params: dict[str, Any], *, where: str, may_be_empty: bool = False) -> list[Any]:
    """The list under `frames`.

    Raises:
        UserError: there is none, or it is empty.
    """
    entries = get(params, "frames", where=where)
    if not isinstance(entries, list) or not (entries or may_be_empty):
        raise UserError(f"{where}: frames must be a list of at least one frame.")
    return entries


def inside(folder: pathlib.Path, name: Any, *, where: str) -> pathlib.Path:
    """`folder / name`; judged by the name alone, so that a user may keep links to another disk.

    A backslash parts folders, as in names that Windows wrote.

    Raises:
        UserError: the name leads out of the folder, or is one that no file can have.
    """
    if isinstance(name, str) and not _can_be_a_name(name):
        raise UserError(f"{where}: {shown(name)} is a name that no file can have; correct it.")
    plain = os.path.normpath(slashed(name)) if isinstance(name, str) else ".."
    if os.path.isabs(plain) or pathlib.PureWindowsPath(plain).drive or plain.split(os.sep)[0] == "..":
        raise UserError(f"{where}: {name!r} leads outside {folder}; paths must stay in the dataset folder.")
    if plain == os.curdir:
        raise UserError(f"{where}: {name!r} names no file; correct it.")
    return folder / plain


def slashed(name: str) -> str:
    """A name with slashes for the backslashes of Windows."""
    return name.replace("\\", "/")


def _can_be_a_name(name: str) -> bool:
    if "\0" in name or any("\ud800" <= sign <= "\udfff" for sign in name):
        return False
    parts = slashed(name).encode().split(b"/")
    return len(name) < _LONGEST_PATH and max(map(len, parts)) <= _LONGEST_NAME


def get(entry: Any, key: str, *, where: str) -> Any:
    """`entry[key]`.

    Raises:
        UserError: `entry` is no json object, or lacks the key.
    """
    if not isinstance(entry, dict) or key not in entry:
        raise UserError(f"{where} has no {key!r}.")
    return entry[key]


def array(entry: Any, key: str, shape: tuple[int, ...], *, where: str) -> np.ndarray:
    """The numbers under a key, of exactly this shape, float32.

    Raises:
        UserError: the key is missing; its value is not numbers, has another shape or is not finite.
    """
    value = get(entry, key, where=where)
    try:
        found = as_float32(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}: {key} must be numbers of shape {shape}.") from error
    if found.shape != shape:
        raise UserError(f"{where}: {key} must have shape {shape}; it has {found.shape}.")
    return finite(found, where=f"{where}: {key}")


def as_float32(value: Any) -> np.ndarray:
    """Numbers as float32, infinite where they are too large for it.

    Raises:
        TypeError, ValueError: they are no numbers, or are lists of several lengths.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind not in _NUMBERS_AND_TEXT:
        raise TypeError(f"{value.dtype} is no type of numbers")
    with np.errstate(over="ignore"):
        return np.asarray(value, np.float32)


def frame_arrays(entries: list[Any], key: str, shape: tuple[int, ...], *, where: str) -> np.ndarray:
    """`array` of every entry of `frames`, stacked: (F, *shape)."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        found = as_float32([entry[key] for entry in entries])
        if found.shape == (len(entries), *shape) and np.isfinite(found).all():
            return found  # all at once; one by one only to say which of them is wrong
    return np.stack([array(entry, key, shape, where=f"{where}: frames[{i}]") for i, entry in enumerate(entries)])


def frame_coefficients(entries: list[Any], key: str, count: int, *, where: str) -> np.ndarray:
    """`leading` of every entry of `frames`, stacked: (F, count)."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        found = as_float32([entry[key] for entry in entries])
        if found.ndim == 2 and found.size and np.isfinite(found).all():
            return np.pad(found[:, :count], ((0, 0), (0, max(0, count - found.shape[1]))))  # all at once
    named = [(entry, f"{where}: frames[{i}]") for i, entry in enumerate(entries)]
    return np.stack([leading(get(entry, key, where=at), count, where=f"{at}: {key}") for entry, at in named])


def are_rotations(matrices: np.ndarray) -> np.ndarray:
    """(F,) bool: whether matrices (F, 3, 3) turn, and neither scale, skew nor mirror."""
    matrices = matrices.astype(np.float64)
    skewed = np.abs(matrices @ matrices.swapaxes(1, 2) - np.eye(3)).max(axis=(1, 2)) > _RIGID
    return ~skewed & (np.linalg.det(matrices) > 0)


def finite(found: np.ndarray, *, where: str) -> np.ndarray:
    """The array itself.

    Raises:
        UserError: it has a value that is not finite.
    """
    if not np.isfinite(found).all():
        raise UserError(f"{where} has a value that is not finite.")
    return found


def leading(values: Any, count: int, *, where: str) -> np.ndarray:
    """The first `count` coefficients of a basis (count,) float32; those that a tracker left out are zero.

    Raises:
        UserError: there is no value, or one that is not a finite number.
    """
    try:
        flat = as_float32(values).reshape(-1)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where} must be numbers.") from error
    if not flat.size:
        raise UserError(f"{where} is empty.")
    kept = finite(flat, where=where)[:count]
    return np.pad(kept, (0, count - len(kept)))
