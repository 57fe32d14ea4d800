"""An avatar's `.npz`: named arrays, some of which hold json."""

import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.errors import UserError


def json_array(content: Any) -> np.ndarray:
    """Json as an array of bytes."""
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def array_json(array: np.ndarray) -> Any:
    """The inverse of `json_array`."""
    return json.loads(bytes(array))


def write_npz(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays."""
    # Into an open file: NumPy would add a suffix to a name that ends in capitals.
    with atomic.file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **dict[str, Any](arrays))


def read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads named arrays.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with np.load(path) as stored:
            return dict(stored)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}); export the avatar again.") from error
