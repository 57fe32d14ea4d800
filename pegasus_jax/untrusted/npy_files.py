"""`.npy` and `.npz` files of plain arrays: numbers, booleans and strings, never objects."""

import io
import math
import os
from collections.abc import Callable, Container
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files
from pegasus_jax.untrusted.archives import DAMAGE, open_zip

_KINDS = "biufcSU"
_MEMBER = ".npy"
_LONGEST_HEADER = 2**16
_READERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Header(NamedTuple):
    """What an array in a file says of itself."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype


def read_npz(path: str | os.PathLike[str], *, names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file by their names; of those in `names` alone, if it is given.

    Raises:
        UserError: it is missing, no regular file, damaged, holds anything but plain arrays, or would take more memory
            than `limits` allows.
    """
    try:
        with open_zip(path) as archive:
            return {
                name.removesuffix(_MEMBER): _array(archive.read(name), name)
                for name in archive.names
                if name.endswith(_MEMBER) and (names is None or name.removesuffix(_MEMBER) in names)
            }
    except UserError:
        raise
    except DAMAGE as error:
        reason = files.said(f"{error}" or type(error).__name__)
        raise UserError(f"{path} is not an .npz of plain arrays ({reason}); fetch or write it again.") from error


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """The array of an `.npy` file.

    Raises:
        UserError: see `read_npz`.
    """
    content = bytearray(files.read_bytes(path))
    try:
        return _array(content, os.path.basename(path))
    except ValueError as error:
        raise UserError(f"{path} is not an .npy of a plain array ({files.said(str(error))}).") from error


def read_header(stream: BinaryIO) -> Header:
    """The header of an `.npy`, leaving `stream` behind it.

    Raises:
        ValueError: it is none.
    """
    try:
        reader = _READERS.get(np.lib.format.read_magic(stream))
        if reader is None:
            raise ValueError("it is of a version that is not read here")
        return Header(*reader(stream))
    except ValueError:
        raise
    except Exception as error:  # a header is a Python literal, and may fail in as many ways
        raise ValueError(f"its header is damaged: {error}") from error


def _array(content: bytearray, name: str) -> np.ndarray:
    stream = io.BytesIO(content[:_LONGEST_HEADER])
    shape, is_fortran, dtype = read_header(stream)
    if dtype.kind not in _KINDS or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"{files.said(name)} holds {dtype}, not plain numbers")
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"{files.said(name)} has no shape")
    begin, count = stream.tell(), math.prod(shape)
    if len(content) - begin != count * dtype.itemsize:
        raise ValueError(f"{files.said(name)} has {len(content) - begin} bytes for the shape {shape} of {dtype}")
    if not count or not dtype.itemsize:
        return np.zeros(shape if not count else (), dtype)
    return np.frombuffer(content, dtype, offset=begin).reshape(shape, order="F" if is_fortran else "C")
