"""Writes both formats of torch.save, by a pickler that stands in for torch."""

import collections
import io
import pathlib
import pickle
import sys
import types
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

STORAGE_NAMES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


class Storage(NamedTuple):
    key: str
    values: np.ndarray


class Tensor:
    """What a torch tensor pickles as: a window on a storage."""

    def __init__(self, storage: Storage, size: tuple, stride: tuple, *, offset: int = 0, kind: str = "tensor_v2"):
        self.storage, self.size, self.stride, self.offset, self.kind = storage, size, stride, offset, kind


def tensor(values: np.ndarray, key: str = "0", **options: Any) -> Tensor:
    values = np.ascontiguousarray(values)
    stride = tuple(step // values.itemsize for step in values.strides)
    return Tensor(Storage(key, values.ravel()), values.shape, stride, **options)


def rebuild(name: str) -> Any:
    def function(*arguments: Any) -> None:
        raise AssertionError("only named, never called")

    function.__module__, function.__name__, function.__qualname__ = "torch._utils", name, name
    return function


TORCH, TORCH_UTILS = types.ModuleType("torch"), types.ModuleType("torch._utils")
for _name in STORAGE_NAMES.values():
    setattr(TORCH, _name, type(_name, (), {"__module__": "torch"}))
for _name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"):
    setattr(TORCH_UTILS, _name, rebuild(_name))


class TorchPickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=2)
        self.storages: dict[str, np.ndarray] = {}

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value.values
        kind = getattr(TORCH, STORAGE_NAMES[value.values.dtype.name])
        return ("storage", kind, value.key, "cpu", len(value.values), *self.view)

    view: tuple = ()

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        arguments = (value.storage, value.offset, value.size, value.stride)
        if value.kind == "tensor":
            return TORCH_UTILS._rebuild_tensor, arguments
        if value.kind == "parameter":
            inner = Tensor(value.storage, value.size, value.stride, offset=value.offset)
            return TORCH_UTILS._rebuild_parameter, (inner, True, collections.OrderedDict())
        return TORCH_UTILS._rebuild_tensor_v2, (*arguments, False, collections.OrderedDict())


class StreamPickler(TorchPickler):
    view = (None,)  # files before 1.6 have room for a view's description


def pickled(content: Any, kind: type[TorchPickler]) -> tuple[bytes, dict[str, np.ndarray]]:
    stream = io.BytesIO()
    pickler = kind(stream)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", TORCH)
        patch.setitem(sys.modules, "torch._utils", TORCH_UTILS)
        pickler.dump(content)
    return stream.getvalue(), pickler.storages


def write_zip_members(file: pathlib.Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"archive/{name}", data)


def write_zip(file: pathlib.Path, content: Any) -> None:
    program, storages = pickled(content, TorchPickler)
    members = {"data.pkl": program, "byteorder": b"little", "version": b"3\n"}
    write_zip_members(file, members | {f"data/{key}": values.tobytes() for key, values in storages.items()})


def stream_bytes(program: bytes, storages: dict[str, np.ndarray]) -> bytes:
    """The format before PyTorch 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    header = [pickle.dumps(value, protocol=2) for value in (0x1950A86A20F9469CFC6C, 1001, system)]
    keys = sorted(storages)
    raw = [len(storages[key]).to_bytes(8, "little") + storages[key].tobytes() for key in keys]
    return b"".join([*header, program, pickle.dumps(keys, protocol=2), *raw])


def write_stream(file: pathlib.Path, content: Any) -> None:
    file.write_bytes(stream_bytes(*pickled(content, StreamPickler)))


def tensors(content: Any) -> Any:
    """Arrays of a nested dict as tensors of their own storages."""
    keys = iter(range(10**6))

    def convert(value: Any) -> Any:
        if isinstance(value, Mapping):
            return collections.OrderedDict((name, convert(entry)) for name, entry in value.items())
        return tensor(value, str(next(keys))) if isinstance(value, np.ndarray) else value

    return convert(content)
