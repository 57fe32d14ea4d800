"""PyTorch tensors inside a pickle, without PyTorch: some landmark files of the field hold a few.

A tensor pickled outside `torch.save` is `_rebuild_tensor_v2(storage, offset, size, stride, ...)`; its
storage is a byte string in torch's old file format: three header pickles, one pickle that names the
storage by a persistent id, one that lists the keys, then for each key the number of elements (int64) and
the raw values.
"""

import collections
import io
import pickle
from typing import Any, ClassVar

import numpy as np

from pegasus_jax.flame.pickle_reader import ADMITTED, ArrayUnpickler

_NUM_HEADER_PICKLES = 3  # magic number, protocol version, system information
_DTYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class _StorageUnpickler(ArrayUnpickler):
    admitted: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        **{("torch", name): np.dtype(dtype) for name, dtype in _DTYPES.items()},
    }

    def persistent_load(self, pid: Any) -> np.dtype:
        """The element type in ('storage', type, key, location, length, view)."""
        return pid[1]


def _storage(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    for _ in range(_NUM_HEADER_PICKLES):
        _StorageUnpickler(stream).load()
    dtype = _StorageUnpickler(stream).load()
    if len(_StorageUnpickler(stream).load()) != 1:
        raise pickle.UnpicklingError("a tensor with several storages")
    length = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(length * dtype.itemsize), dtype, count=length)


def _tensor(storage: np.ndarray, offset: int, size: tuple, stride: tuple, *unused: Any) -> np.ndarray:
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if offset < 0 or min((*stride, *size), default=0) < 0 or last >= max(len(storage), 1):
        raise pickle.UnpicklingError("a tensor larger than its storage")
    strides = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


class TensorUnpickler(ArrayUnpickler):
    """`ArrayUnpickler` that also reads CPU tensors, as NumPy arrays."""

    admitted: ClassVar[dict[tuple[str, str], Any]] = ADMITTED | {
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch.storage", "_load_from_bytes"): _storage,
    }
