"""Arrays out of pickles, without NumPy's or anybody else's own functions for it.

NumPy applies a pickled dtype's or array's state unchecked, and so follows pointers of the file's choosing. Here an
array is made of what its pickle says, checked: a dtype's name of a short grammar, a shape, and as many bytes.
"""

import dataclasses
import math
import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse

from pegasus_jax.untrusted.bystanders import is_bystander
from pegasus_jax.untrusted.limits import DEEPEST, Budget
from pegasus_jax.untrusted.pickles import Made, Name, Refused, Stored

_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|c(?:8|16)|[SU][0-9]{1,4}|O8?)")
_BYTE_ORDERS = ("<", ">", "|", "=")
_MOST_AXES = 32
_NUMBERS = "biufc"  # kinds of dtypes


@dataclasses.dataclass(frozen=True)
class Opaque:
    """Something of a class or function that is none of ours; its content is not read."""

    name: str


class Builder:
    """Turns what `pickles.parse` found into plain values and arrays.

    Args:
        budget: what the arrays may take.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._built: dict[int, Any] = {}
        self._functions: Mapping[Name, Callable[[Made], Any]] = self.functions()
        self._instances: Mapping[Name, Callable[[Made], Any]] = self.instances()

    def functions(self) -> dict[Name, Callable[[Made], Any]]:
        """What makes the value of a call, by the called name."""
        made: dict[Name, Callable[[Made], Any]] = {
            Name("numpy", "dtype"): self._dtype,
            Name("_codecs", "encode"): self._encoded,
            Name("collections", "OrderedDict"): self._dict,
            Name("collections", "Counter"): self._dict,
            Name("collections", "defaultdict"): self._default_dict,
        }
        for package in ("numpy.core", "numpy._core"):
            made[Name(f"{package}.multiarray", "_reconstruct")] = self._array
            made[Name(f"{package}.multiarray", "scalar")] = self._scalar
            made[Name(f"{package}.numeric", "_frombuffer")] = self._from_buffer
        for module in ("copy_reg", "copyreg"):
            made[Name(module, "_reconstructor")] = self._reconstructed
        for module in ("__builtin__", "builtins"):
            made[Name(module, "set")] = made[Name(module, "frozenset")] = self._set
            made[Name(module, "bytes")] = self._no_bytes
        return made

    def instances(self) -> dict[Name, Callable[[Made], Any]]:
        """What makes the value of an instance, by its class."""
        made: dict[Name, Callable[[Made], Any]] = {
            Name("chumpy.ch", "Ch"): self._chumpy,
            Name("chumpy.reordering", "Select"): self._chumpy,
        }
        for layout in ("csc", "csr", "coo"):
            for module in (f"scipy.sparse.{layout}", f"scipy.sparse._{layout}", "scipy.sparse"):
                for kind in ("matrix", "array"):
                    made[Name(module, f"{layout}_{kind}")] = self._sparse
        return made

    @property
    def admitted(self) -> Callable[[Name], bool]:
        """Whether a pickle may call a name."""
        made = self._functions.keys() | self._instances.keys()
        return lambda name: name in made or is_bystander(name)

    def stored(self, identifier: Any) -> Any:
        """The value of what a pickle calls by an identifier.

        Raises:
            UnpicklingError: there are none in files of this kind.
        """
        raise pickle.UnpicklingError("a reference to something outside it")

    def build(self, value: Any, *, depth: int = 0) -> Any:
        """`value` with all notes in it turned into what they note.

        Raises:
            Exception: something in it is damaged, in any way.
        """
        if isinstance(value, (str, bytes, int, float, type(None), set, frozenset)):
            return value
        if isinstance(value, bytearray):
            return bytes(value)
        if isinstance(value, Name):
            return Opaque(str(value))
        if depth > DEEPEST:
            raise pickle.UnpicklingError(f"values nested deeper than {DEEPEST} levels")
        if id(value) in self._built:
            built = self._built[id(value)]
            if built is _BEGUN:
                raise pickle.UnpicklingError("a value that holds itself")
            return built
        self._built[id(value)] = _BEGUN
        built = self._built[id(value)] = self._made(value, depth + 1)
        return built

    def _made(self, value: Any, depth: int) -> Any:
        if isinstance(value, list):
            return [self.build(item, depth=depth) for item in value]
        if isinstance(value, tuple):
            return tuple(self.build(item, depth=depth) for item in value)
        if isinstance(value, dict):
            return {self.build(key, depth=depth): self.build(entry, depth=depth) for key, entry in value.items()}
        if isinstance(value, Stored):
            return self.stored(self.build(value.identifier, depth=depth))
        make = self._functions.get(value.maker) or self._instances.get(value.maker)
        return make(value) if make else Opaque(str(value.maker))

    def _arguments(self, made: Made, *kinds: Any) -> tuple[Any, ...]:
        """The first arguments of a call, built, each of its kind."""
        found = tuple(self.build(argument) for argument in made.arguments[: len(kinds)])
        if len(found) < len(kinds) or not all(isinstance(value, kind) for value, kind in zip(found, kinds)):
            raise pickle.UnpicklingError(f"{made.maker} of something else than it takes")
        return found

    def _dtype(self, made: Made) -> np.dtype:
        (text,) = self._arguments(made, str)
        if not _DTYPE.fullmatch(text):
            raise pickle.UnpicklingError(f"numbers of the type {text[:40]!r}, which is none of those read here")
        dtype = np.dtype(text)
        if made.state is None:
            return dtype
        _version, order, *structure = self.build(made.state)
        if order not in _BYTE_ORDERS or any(part is not None for part in structure[:3]):
            raise pickle.UnpicklingError("numbers of a composed type")
        return dtype.newbyteorder(order)

    def _array(self, made: Made) -> np.ndarray:
        """multiarray._reconstruct(type, (0,), b"b"), then a state ([version], shape, dtype, order, data)."""
        (kind,) = self._arguments(made, Opaque)
        if kind.name != "numpy.ndarray":
            raise Refused(kind.name)
        *_version, shape, dtype, is_fortran, data = self.build(made.state)
        return self.array(data, dtype, shape, order="F" if is_fortran else "C")

    def _from_buffer(self, made: Made) -> np.ndarray:
        data, dtype, shape, order = self._arguments(made, bytes, np.dtype, tuple, str)
        return self.array(data, dtype, shape, order="F" if order == "F" else "C")

    def _scalar(self, made: Made) -> Any:
        dtype, data = self._arguments(made, np.dtype, (bytes, str))
        if dtype.hasobject:
            raise pickle.UnpicklingError("a scalar of any object")
        return self.array(data, dtype, (), order="C")[()]

    def array(self, data: Any, dtype: Any, shape: Any, *, order: Any) -> np.ndarray:
        """The array of these bytes, or of these objects.

        Raises:
            UnpicklingError: they are not as many as dtype and shape say, or those are none.
        """
        if not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("an array of no type")
        if not (isinstance(shape, tuple) and len(shape) <= _MOST_AXES and all(_is_size(n) for n in shape)):
            raise pickle.UnpicklingError("an array of no shape")
        if isinstance(data, str):  # Python 2 has one type for both
            data = self._as_bytes(data)
        if dtype.hasobject:
            if not isinstance(data, list) or len(data) != math.prod(shape):
                raise pickle.UnpicklingError(f"an array of the shape {shape} without its objects")
            objects = np.empty(len(data), object)
            for i, value in enumerate(data):  # not at once: NumPy would look into lists
                objects[i] = value
            return objects.reshape(shape, order=order)
        if not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.itemsize:
            raise pickle.UnpicklingError(f"an array of the shape {shape} without its {dtype} numbers")
        if dtype.itemsize == 0:
            return np.zeros(shape if math.prod(shape) == 0 else (), dtype)
        return np.frombuffer(data, dtype).reshape(shape, order=order)

    def _encoded(self, made: Made) -> bytes:
        """_codecs.encode for the one encoding in which pickles of arrays carry bytes."""
        text, encoding = self._arguments(made, str, str)
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"bytes encoded as {encoding[:40]!r}")
        return self._as_bytes(text)

    def _no_bytes(self, made: Made) -> bytes:
        """bytes(): how Python 3 writes them empty in the older protocols."""
        if made.arguments:
            raise Refused(str(made.maker))
        return b""

    def _as_bytes(self, text: str) -> bytes:
        self._budget.spend(len(text))
        return text.encode("latin1")

    def _dict(self, made: Made) -> dict[Any, Any]:
        """An ordered dict; attributes that torch hangs on it (its state) are left out."""
        pairs = self.build(made.arguments[0]) if made.arguments else []
        found = dict(pairs) if isinstance(pairs, dict) else {key: value for key, value in pairs}
        return found | {self.build(key): self.build(value) for key, value in made.entries.items()}

    def _default_dict(self, made: Made) -> dict[Any, Any]:
        return self._dict(Made(made.maker, (), entries=made.entries))

    def _set(self, made: Made) -> Any:
        items = self.build(made.arguments[0]) if made.arguments else ()
        if not all(isinstance(item, (str, bytes, int)) for item in items):
            return Opaque(str(made.maker))
        return set(items)

    def _reconstructed(self, made: Made) -> Any:
        """copyreg._reconstructor(class, object, None): an instance as older protocols write it."""
        kind = made.arguments[0]
        if not isinstance(kind, Name):
            raise pickle.UnpicklingError("an instance of something that has no name")
        return self.build(Made(kind, (), made.state))

    def _chumpy(self, made: Made) -> np.ndarray:
        """chumpy's array under `x`, or a selection `a[idxs]` of another one; the rest of its state is not looked at."""
        if not isinstance(made.state, dict):
            raise ValueError("an array of chumpy without its numbers")
        state = made.state
        if "x" in state:
            return _numbers(self.build(state["x"]))
        base, picked = _numbers(self.build(state["a"])), _numbers(self.build(state["idxs"]))
        self._budget.spend(picked.size * base.itemsize)
        shape = self.build(state.get("preferred_shape", picked.shape))
        return base.ravel()[picked.astype(np.int64)].reshape(shape)

    def _sparse(self, made: Made) -> np.ndarray:
        """One of SciPy's sparse matrices, dense."""
        state = self.build(made.state)
        shape = state["_shape"] if "_shape" in state else state["shape"]
        if not (isinstance(shape, tuple) and len(shape) == 2 and all(_is_size(n) for n in shape)):
            raise ValueError("a sparse matrix of no shape")
        data = _numbers(state["data"])
        self._budget.spend(math.prod(shape) * data.itemsize)
        if "row" in state or "coords" in state:
            indices = (state["row"], state["col"]) if "row" in state else tuple(state["coords"])
            rows, columns = (_numbers(index).astype(np.int64) for index in indices)
            return scipy.sparse.coo_matrix((data, (rows, columns)), shape=shape).toarray()  # checks its indices
        layout = scipy.sparse.csc_matrix if "csc" in made.maker.name else scipy.sparse.csr_matrix
        parts = (data, *(_numbers(state[name]).astype(np.int64) for name in ("indices", "indptr")))
        matrix = layout(parts, shape=shape)
        matrix.check_format(full_check=True)  # indices out of range would be written out of bounds
        return matrix.toarray()


_BEGUN = object()


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _numbers(value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in _NUMBERS:
        raise ValueError("an array of something else than numbers")
    return value
