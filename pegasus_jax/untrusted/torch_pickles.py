"""PyTorch's tensors out of pickles, without PyTorch.

A tensor is a window (offset, sizes, strides, all in elements) on a storage, which the pickle calls by an identifier.
Only what such an identifier stands for is a storage here: a tensor is never taken for one, as its strides may claim
more numbers than it has.
"""

import dataclasses
import io
import math
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from pegasus_jax.untrusted import pickles
from pegasus_jax.untrusted.limits import Budget
from pegasus_jax.untrusted.numpy_pickles import Builder, Opaque
from pegasus_jax.untrusted.pickles import Made, Name

_DTYPES = {
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.BFloat16Storage": np.dtype(jnp.bfloat16),
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
    "torch.ShortStorage": np.dtype("<i2"),
    "torch.CharStorage": np.dtype("i1"),
    "torch.ByteStorage": np.dtype("u1"),
    "torch.BoolStorage": np.dtype(bool),
    "torch.ComplexFloatStorage": np.dtype("<c8"),
    "torch.ComplexDoubleStorage": np.dtype("<c16"),
}
_NUM_HEADERS = 3  # magic number, protocol version, system information
_MOST_AXES = 32
_SIZES = range(2**60)  # of integers that may be a size, a stride, an offset

# (key, dtype, number of elements) -> flat array: where tensors find their numbers.
Storages = Callable[[str, np.dtype, int], np.ndarray]


@dataclasses.dataclass(frozen=True)
class _Storage:
    numbers: np.ndarray  # flat


class TensorBuilder(Builder):
    """A `Builder` that also makes tensors, as read-only arrays.

    Args:
        budget: what the arrays may take.
        storages: where identifiers lead to; without it there are none, as in a pickle that is no file of torch's own.
    """

    def __init__(self, budget: Budget, *, storages: Storages | None = None) -> None:
        super().__init__(budget)
        self._storages = storages

    def functions(self) -> dict[Name, Callable[[Made], Any]]:
        """What makes the value of a call, by the called name."""
        return super().functions() | {
            Name("torch._utils", "_rebuild_tensor"): self._tensor,
            Name("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            Name("torch._utils", "_rebuild_parameter"): self._parameter,
            Name("torch._utils", "_rebuild_parameter_with_state"): self._parameter,
            Name("torch._tensor", "_rebuild_from_type_v2"): self._of_a_subclass,
            Name("torch", "Size"): self._size,
            Name("torch.storage", "_load_from_bytes"): self._storage_in_bytes,
        }

    def stored(self, identifier: Any) -> _Storage:
        """The storage ("storage", type, key, device, length[, (view's key, offset, length) or None])."""
        if self._storages is None:
            return super().stored(identifier)
        kind, type_, key, _device, length, *view = identifier
        if kind != "storage" or not isinstance(type_, Opaque) or type_.name not in _DTYPES:
            raise pickle.UnpicklingError("it stores something else than numbers")
        if not isinstance(key, str) or not _are_sizes(length):
            raise pickle.UnpicklingError("a storage without key or length")
        numbers = self._storages(key, _DTYPES[type_.name], length)
        if view and view[0]:
            _, begin, length = view[0]
            if not _are_sizes(begin, length) or begin + length > len(numbers):
                raise pickle.UnpicklingError(f"a view of storage {key} outside it")
            numbers = numbers[begin : begin + length]
        return _Storage(numbers)

    def _tensor(self, made: Made) -> np.ndarray:
        """torch._utils._rebuild_tensor_v2: offset and strides count elements; what comes after is autograd's."""
        storage, offset, size, stride = self._arguments(made, _Storage, int, tuple, tuple)
        if len(size) != len(stride) or len(size) > _MOST_AXES or not _are_sizes(offset, *size, *stride):
            raise pickle.UnpicklingError(f"a tensor of shape {size} has the strides {stride}")
        count, numbers = math.prod(size), storage.numbers
        last = offset + sum((n - 1) * step for n, step in zip(size, stride))
        if count > len(numbers) or (count and last >= len(numbers)):
            raise pickle.UnpicklingError(f"a tensor of shape {size} is larger than its storage")
        if not count:
            return np.broadcast_to(numbers.dtype.type(0), size)
        self._budget.spend(count * numbers.itemsize)  # whoever uses it may have to copy it
        strides = tuple(step * numbers.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(numbers[offset:], size, strides, writeable=False)

    def _parameter(self, made: Made) -> np.ndarray:
        (tensor,) = self._arguments(made, np.ndarray)
        return tensor

    def _of_a_subclass(self, made: Made) -> Any:
        """torch._tensor._rebuild_from_type_v2(function, class, arguments, state): a tensor with attributes."""
        function, _kind, arguments, *_ = made.arguments
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("a tensor that nothing rebuilds")
        return self.build(Made(function, arguments))

    def _size(self, made: Made) -> tuple[Any, ...]:
        (sizes,) = self._arguments(made, tuple)
        return sizes

    def _storage_in_bytes(self, made: Made) -> _Storage:
        """A storage outside a file of torch's own: its bytes are such a file."""
        (data,) = self._arguments(made, bytes)
        found = read_stream(io.BytesIO(data), size=len(data), budget=self._budget)
        if not isinstance(found, _Storage):
            raise pickle.UnpicklingError("bytes that hold no storage")
        return found


def read_stream(stream: BinaryIO, *, size: int, budget: Budget) -> Any:
    """The content of what torch before 1.6 wrote, `size` bytes.

    Three header pickles, the content's pickle, the keys' pickle, then each storage: its length and numbers.

    Raises:
        Exception: it is damaged, in any way.
    """
    storages: dict[str, np.ndarray] = {}

    def storage(key: str, dtype: np.dtype, length: int) -> np.ndarray:
        if key not in storages:
            reserved = sum(known.nbytes for known in storages.values())
            if reserved + length * dtype.itemsize > size:
                raise ValueError("its storages are longer than the file")
            storages[key] = np.empty(length, dtype)  # filled below: tensors are views of it
        if storages[key].dtype != dtype or len(storages[key]) != length:
            raise ValueError(f"storage {key} is described in two ways")
        return storages[key]

    builder = TensorBuilder(budget, storages=storage)

    def load() -> Any:
        return pickles.parse(stream, admitted=builder.admitted, encoding="utf-8", budget=budget)

    for _ in range(_NUM_HEADERS):
        load()
    content, keys = builder.build(load()), builder.build(load())
    if sorted(keys) != sorted(storages):
        raise ValueError("its storages are not those of its tensors")
    for key in keys:
        _fill(storages[key], stream)
    return content


def _fill(storage: np.ndarray, stream: BinaryIO) -> None:
    length = int.from_bytes(stream.read(8), "little")
    read = stream.readinto(storage.view(np.uint8).data) if len(storage) else 0  # type: ignore[attr-defined]
    if length != len(storage) or read != storage.nbytes:
        raise ValueError("a storage has too few numbers")


def _are_sizes(*values: Any) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and value in _SIZES for value in values)
