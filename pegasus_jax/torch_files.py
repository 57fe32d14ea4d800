"""Files of named tensors without PyTorch: `.safetensors`, and both formats that `torch.save` has written.

A `torch.save` file is a pickle beside raw storages: members of a zip since PyTorch 1.6, one stream before
(torchvision's VGG16 is still one). A pickle is a program. Here it may call only what builds tensors and
ordered dicts; any other name it asks for is refused before anything is called. All formats are little-endian.
"""

import collections
import functools
import io
import json
import math
import os
import pathlib
import pickle
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from pegasus_jax.errors import UserError

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
_STORAGE_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype(bool),
}
_ZIP_MAGIC = b"PK\x03\x04"
_STREAM_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)  # the number that opens a file of torch < 1.6

# (key, dtype, number of elements) -> flat array: where a pickle's tensors find their numbers.
_Storages = Callable[[str, np.dtype, int], np.ndarray]


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tensors in a `.safetensors`, `.pth` or `.pt` file, by name, as read-only NumPy arrays.

    Values keep their dtype (bfloat16 is JAX's) and shape; dicts, lists and scalars among them stay as they
    are, so a checkpoint such as `{"epoch": 3, "model_state_dict": {...}}` comes back nested.

    Raises:
      UserError: there is no such file, it is of another kind, damaged, or asks for code to be run.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        raise UserError(f"There is no file {file}; give a .safetensors or .pth file.")
    reader = _reader_for(file)
    try:
        content = reader(file)
    except _Refused as refused:
        raise UserError(
            f"{file} asks to run {refused}, which plain tensors never need: nothing was run or read; "
            "get the weights from their publisher."
        ) from refused
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(f"{file} is damaged or cut short ({error}); fetch it again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{file} holds a {type(content).__name__} instead of named tensors; save a state_dict() to it.")
    return content


def _reader_for(file: pathlib.Path) -> Callable[[pathlib.Path], Any]:
    if file.suffix.lower() == ".safetensors":
        return _read_safetensors
    with file.open("rb") as stream:
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
    content = file.read_bytes()
    header_size = int.from_bytes(content[:8], "little")
    if header_size > len(content) - 8:
        raise ValueError("its header does not fit in it")
    header = json.loads(content[8 : 8 + header_size])
    if not isinstance(header, dict):
        raise ValueError("its header is no table of tensors")
    data = memoryview(content)[8 + header_size :]
    return {name: _slice(data, name, entry) for name, entry in header.items() if name != "__metadata__"}


def _slice(data: memoryview, name: str, entry: dict[str, Any]) -> np.ndarray:
    """The tensor `{"dtype": ..., "shape": [...], "data_offsets": [begin, end]}` of the raw `data`."""
    if entry["dtype"] not in _SAFETENSORS_DTYPES:
        raise ValueError(f"{name} is of the type {entry['dtype']}, which is not among those read here")
    dtype, shape, (begin, end) = _SAFETENSORS_DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    if not 0 <= begin <= end <= len(data):
        raise ValueError(f"{name} lies outside the file")
    if min(shape, default=0) < 0 or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} has {end - begin} bytes for the shape {shape}")
    return np.frombuffer(data[begin:end], dtype).reshape(shape)


def _read_zip(file: pathlib.Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it has no data.pkl, the list of its tensors")
        folder = pickles[0].removesuffix("/data.pkl")
        order = f"{folder}/byteorder"
        if order in archive.namelist() and _member(archive, order) != b"little":
            raise ValueError("it was written on a big-endian machine")

        @functools.cache  # tensors may share a storage
        def storage(key: str, dtype: np.dtype, length: int) -> np.ndarray:
            data = _member(archive, f"{folder}/data/{key}")
            if len(data) != length * dtype.itemsize:
                raise ValueError(f"storage {key} has {len(data)} bytes for {length} numbers")
            return np.frombuffer(data, dtype)

        return _TensorUnpickler(io.BytesIO(_member(archive, pickles[0])), storage).load()


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """One member's bytes. torch never compresses: insisting on it bounds what a file can make us allocate."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, which torch.save never does")
    return archive.read(name)


def _read_stream(file: pathlib.Path) -> Any:
    """Three header pickles, the content's pickle, the keys' pickle, then each storage: its length and numbers."""
    storages: dict[str, np.ndarray] = {}
    size = file.stat().st_size

    def storage(key: str, dtype: np.dtype, length: int) -> np.ndarray:
        if key not in storages:
            reserved = sum(known.nbytes for known in storages.values())
            if reserved + length * dtype.itemsize > size:
                raise ValueError("its storages are longer than the file")
            storages[key] = np.empty(length, dtype)  # filled below: tensors are views of it
        if storages[key].dtype != dtype or len(storages[key]) != length:
            raise ValueError(f"storage {key} is described in two ways")
        return storages[key]

    with file.open("rb") as stream:
        for _ in ("magic number", "protocol version", "system information"):
            _TensorUnpickler(stream, storage).load()
        content = _TensorUnpickler(stream, storage).load()
        keys = _TensorUnpickler(stream, storage).load()
        if set(keys) != set(storages):
            raise ValueError("its storages are not those of its tensors")
        for key in keys:
            _fill(storages[key], stream)
    return content


def _fill(storage: np.ndarray, stream: BinaryIO) -> None:
    length = int.from_bytes(stream.read(8), "little")
    data = stream.read(storage.nbytes)
    if length != len(storage) or len(data) != storage.nbytes:
        raise ValueError("a storage has too few numbers")
    storage[:] = np.frombuffer(data, storage.dtype)


class _Refused(pickle.UnpicklingError):
    """The pickle asks for something that is not admitted; the message is its name."""


class _TensorUnpickler(pickle.Unpickler):
    """Admits the functions that rebuild tensors, the storages' type names and `OrderedDict`."""

    def __init__(self, stream: BinaryIO, storages: _Storages) -> None:
        super().__init__(stream, encoding="utf-8")
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for `module.name`.

        Stand-ins are bound methods and strings, because a pickle can set attributes on plain functions and
        classes of ours, and so leave traces beyond its own reading.
        """
        if module == "torch" and name in _STORAGE_DTYPES:
            return name
        match module, name:
            case "torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2":
                return self._tensor
            case "torch._utils", "_rebuild_parameter":
                return self._parameter
            case "collections", "OrderedDict":
                return collections.OrderedDict
        raise _Refused(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> np.ndarray:
        """The storage ("storage", type, key, device, length[, (view's key, offset, length) or None])."""
        kind, name, key, _device, length, *view = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"it stores a {kind}")
        storage = self._storages(key, _STORAGE_DTYPES[name], length)
        if view and view[0]:
            _, begin, length = view[0]
            return storage[begin : begin + length]
        return storage

    def _tensor(
        self, storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *unused: Any
    ) -> np.ndarray:
        """torch._utils._rebuild_tensor_v2: offset and strides count elements; `unused` is autograd's."""
        if len(size) != len(stride) or min((offset, *size, *stride)) < 0:
            raise pickle.UnpicklingError(f"a tensor of shape {size} has the strides {stride}")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride))
        if last >= len(storage) and 0 not in size:
            raise pickle.UnpicklingError(f"a tensor of shape {size} is larger than its storage")
        strides = tuple(step * storage.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(storage[offset:], size, strides, writeable=False)

    def _parameter(self, data: np.ndarray, *unused: Any) -> np.ndarray:
        return data
