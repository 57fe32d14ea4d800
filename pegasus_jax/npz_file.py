"""An avatar's `.npz`: named arrays, some of which hold json. `untrusted.npy_files` reads it."""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import json_text


def json_array(content: Any) -> np.ndarray:
    """Json as an array of bytes."""
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def array_json(arrays: Mapping[str, np.ndarray], name: str, *, where: str) -> dict[str, Any]:
    """The json object in the array of a name: the inverse of `json_array`.

    Raises:
        UserError: it is no such array, or its bytes are no json object.
    """
    array, source = arrays[name], f"{where}: {name}"
    if array.dtype != np.uint8 or array.ndim != 1:
        raise UserError(f"{source} is {array.dtype} {array.shape}, not the bytes of a json; export the avatar again.")
    return json_text.as_object(json_text.parse(array.tobytes(), source=source), source=source)


def write_npz(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays."""
    # Into an open file: NumPy would add a suffix to a name that ends in capitals.
    with atomic.file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **dict[str, Any](arrays))
