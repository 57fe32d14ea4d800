"""Files of named tensors without PyTorch: `.safetensors`, and both formats that `torch.save` has written.

A `torch.save` file is a pickle beside raw storages: members of a zip since PyTorch 1.6, one stream before
(torchvision's VGG16 is still one). A pickle is a program; `untrusted` reads it without running it. All formats are
little-endian.
"""

import functools
import io
import math
import os
import pathlib
import pickle
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files, json_text, limits, pickles
from pegasus_jax.untrusted.archives import Archive, open_zip
from pegasus_jax.untrusted.limits import Budget
from pegasus_jax.untrusted.torch_pickles import TensorBuilder, read_stream

_SAFETENSORS_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype(bool),
}
_ZIP_MAGIC = b"PK\x03\x04"
_STREAM_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)  # the number that opens a file of torch < 1.6


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tensors in a `.safetensors`, `.pth` or `.pt` file, by name, as read-only NumPy arrays.

    Values keep their dtype (bfloat16 is JAX's) and shape; dicts, lists and scalars among them, NumPy's included, stay
    as they are, so a checkpoint such as `{"epoch": 3, "model_state_dict": {...}}` comes back nested. Objects of other
    classes become `untrusted.numpy_pickles.Opaque`, without their content.

    Raises:
      UserError: there is no such file, it is of another kind, damaged, asks for code to be run, or would take more
        memory than `untrusted.limits` allows.
    """
    file = pathlib.Path(path)
    if not files.is_regular(file):
        raise UserError(f"There is no file {files.said(str(file))}; give a .safetensors or .pth file.")
    reader = _reader_for(file)
    try:
        content = reader(file)
    except pickles.Refused as refused:
        raise UserError(
            f"{file} asks to run {refused}, which plain tensors never need: nothing was run or read; "
            "get the weights from their publisher, or a file of the state_dict() alone."
        ) from refused
    except UserError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        reason = files.said(f"{error}" or type(error).__name__)
        raise UserError(f"{file} is damaged or cut short ({reason}); fetch it again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{file} holds a {type(content).__name__} instead of named tensors; save a state_dict() to it.")
    return content


def _reader_for(file: pathlib.Path) -> Callable[[pathlib.Path], Any]:
    if file.suffix.lower() == ".safetensors":
        return _read_safetensors
    with files.open_regular(file) as stream:
        start = stream.read(len(_STREAM_MAGIC))
    if start.startswith(_ZIP_MAGIC):
        return _read_zip
    if start == _STREAM_MAGIC:
        return _read_stream
    raise UserError(
        f"{file} is neither a .safetensors file nor one that torch.save wrote; "
        "write it again with torch.save(model.state_dict(), path)."
    )


def _read_safetensors(file: pathlib.Path) -> dict[str, np.ndarray]:
    content = files.read_bytes(file)
    header_size = int.from_bytes(content[:8], "little")
    if header_size > len(content) - 8:
        raise ValueError("its header does not fit in it")
    header = json_text.parse(content[8 : 8 + header_size], source=f"the header of {file}")
    if not isinstance(header, dict):
        raise ValueError("its header is no table of tensors")
    data, budget = memoryview(content)[8 + header_size :], Budget(len(content), source=file)
    return {name: _slice(data, name, entry, budget) for name, entry in header.items() if name != "__metadata__"}


def _slice(data: memoryview, name: str, entry: dict[str, Any], budget: Budget) -> np.ndarray:
    """The tensor `{"dtype": ..., "shape": [...], "data_offsets": [begin, end]}` of the raw `data`."""
    if entry["dtype"] not in _SAFETENSORS_DTYPES:
        raise ValueError(f"{name} is of the type {entry['dtype']}, which is not among those read here")
    dtype, shape, (begin, end) = _SAFETENSORS_DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    if not 0 <= begin <= end <= len(data):
        raise ValueError(f"{name} lies outside the file")
    if min(shape, default=0) < 0 or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} has {end - begin} bytes for the shape {shape}")
    budget.spend(end - begin)  # several names may share the same bytes
    return np.frombuffer(data[begin:end], dtype).reshape(shape)


def _read_zip(file: pathlib.Path) -> Any:
    with open_zip(file) as archive:
        programs = [name for name in archive.names if name.endswith("/data.pkl")]
        if len(programs) != 1:
            raise ValueError("it has no data.pkl, the list of its tensors")
        folder = programs[0].removesuffix("/data.pkl")
        order = f"{folder}/byteorder"
        if order in archive.names and _member(archive, order) != b"little":
            raise ValueError("it was written on a big-endian machine")

        @functools.cache  # tensors may share a storage
        def storage(key: str, dtype: np.dtype, length: int) -> np.ndarray:
            data = _member(archive, f"{folder}/data/{key}")
            if len(data) != length * dtype.itemsize:
                raise ValueError(f"storage {key} has {len(data)} bytes for {length} numbers")
            return np.frombuffer(data, dtype)

        program = _member(archive, programs[0])
        budget = Budget(file.stat().st_size, source=file)
        builder = TensorBuilder(budget, storages=storage)
        parsed = pickles.parse(io.BytesIO(program), admitted=builder.admitted, encoding="utf-8", budget=budget)
        return builder.build(parsed)


def _member(archive: Archive, name: str) -> bytearray:
    """One member's bytes; torch never compresses."""
    if archive.is_compressed(name):
        raise ValueError(f"{name} is compressed, which torch.save never does")
    return archive.read(name)


def _read_stream(file: pathlib.Path) -> Any:
    with files.open_regular(file) as stream:
        size = file.stat().st_size
        limits.check_file(size, source=file)
        return read_stream(stream, size=size, budget=Budget(size, source=file))
