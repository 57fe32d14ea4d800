"""Reading pickles of arrays without running what is in them.

FLAME's files are Python 2 pickles that name chumpy's classes. This reader admits NumPy arrays and a few inert
stand-ins; whatever else a file names is refused by name before anything is called.
"""

import collections
import importlib
import io
import os
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import scipy.sparse

from pegasus_jax.errors import UserError


class Inert:
    """An object of a class that we do not run: it only keeps the state that the pickle gives it."""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {"state": state}


class ChumpyArray(Inert):
    """Stand-in for `chumpy.ch.Ch`: an array under `x`, or a selection `a[idxs]` of another one."""


class SparseMatrix(Inert):
    """Stand-in for SciPy's sparse matrices; the subclass says which of the three layouts."""

    build: Callable[..., Any]


class _Csc(SparseMatrix):
    build = staticmethod(scipy.sparse.csc_matrix)


class _Csr(SparseMatrix):
    build = staticmethod(scipy.sparse.csr_matrix)


class _Coo(SparseMatrix):
    build = staticmethod(scipy.sparse.coo_matrix)


def _reconstruct_object(cls: type, base: type, state: Any) -> Inert:
    """`copyreg._reconstructor` for our stand-ins alone."""
    if not (isinstance(cls, type) and issubclass(cls, Inert)):
        raise pickle.UnpicklingError("copyreg._reconstructor of a foreign class")
    return cls()


def _encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    """`_codecs.encode` for the one encoding in which pickles of arrays carry bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes encoded as {encoding}")
    return text.encode("latin1")


def _numpy_names() -> dict[tuple[str, str], Any]:
    core = importlib.import_module("numpy._core.multiarray")  # private in NumPy 2, but what pickles name
    numeric = importlib.import_module("numpy._core.numeric")
    names: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    for package in ("numpy.core", "numpy._core"):
        names[f"{package}.multiarray", "_reconstruct"] = core._reconstruct
        names[f"{package}.multiarray", "scalar"] = core.scalar
        names[f"{package}.numeric", "_frombuffer"] = numeric._frombuffer
    return names


def _sparse_names() -> dict[tuple[str, str], Any]:
    layouts = {"csc": _Csc, "csr": _Csr, "coo": _Coo}
    modules = ("scipy.sparse.{0}", "scipy.sparse._{0}", "scipy.sparse")
    return {
        (module.format(layout), f"{layout}_{kind}"): cls
        for layout, cls in layouts.items()
        for module in modules
        for kind in ("matrix", "array")
    }


ADMITTED: dict[tuple[str, str], Any] = {
    **_numpy_names(),
    **_sparse_names(),
    ("chumpy.ch", "Ch"): ChumpyArray,
    ("chumpy.reordering", "Select"): ChumpyArray,
    ("_codecs", "encode"): _encode_latin1,
    ("copy_reg", "_reconstructor"): _reconstruct_object,
    ("copyreg", "_reconstructor"): _reconstruct_object,
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
    ("collections", "OrderedDict"): collections.OrderedDict,
}


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler that resolves the names of `ADMITTED` and refuses every other."""

    admitted: ClassVar[dict[tuple[str, str], Any]] = ADMITTED

    def find_class(self, module: str, name: str) -> Any:
        """The admitted object called `module.name`."""
        try:
            return self.admitted[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None


class _Refused(pickle.UnpicklingError):
    """The pickle names something that is not admitted; the message is that name."""


def load_arrays(data: bytes, *, source: str, unpickler: type[ArrayUnpickler] = ArrayUnpickler) -> dict[str, Any]:
    """The dict of arrays pickled in `data`; stand-ins are turned into arrays, other values are kept.

    Raises:
      UserError: `data` (named `source`) names anything but arrays, is no pickle, or holds no dict.
    """
    try:
        content = unpickler(io.BytesIO(data), encoding="latin1").load()
    except _Refused as refused:
        raise UserError(
            f"{source} wants to run {refused}, which a file of arrays never needs: it was not opened; "
            "get the file from its publisher."
        ) from refused
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise UserError(f"{source} is not a readable pickle ({error}); fetch it again.") from error
    content = content.item() if isinstance(content, np.ndarray) and content.shape == () else content
    if not isinstance(content, dict):
        raise UserError(f"{source} holds no named arrays; give a FLAME file.")
    return {str(name): plain(value, source=source) for name, value in content.items()}


def read_arrays(path: str | os.PathLike[str]) -> dict[str, Any]:
    """`load_arrays` of the file `path`."""
    with open(path, "rb") as file:
        return load_arrays(file.read(), source=os.fspath(path))


def plain(value: Any, *, source: str) -> Any:
    """`value` with stand-ins turned into dense arrays."""
    try:
        if isinstance(value, ChumpyArray):
            return _chumpy_array(value)
        if isinstance(value, SparseMatrix):
            return _dense(value)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{source} holds a damaged array ({error}); fetch it again.") from error
    return value


def _chumpy_array(value: ChumpyArray) -> np.ndarray:
    if "x" in value.state:
        return np.asarray(value.state["x"])
    base, picked = value.state["a"], np.asarray(value.state["idxs"])
    array = _chumpy_array(base) if isinstance(base, ChumpyArray) else np.asarray(base)
    return array.ravel()[picked].reshape(value.state.get("preferred_shape", picked.shape))


def _dense(value: SparseMatrix) -> np.ndarray:
    state = value.state
    shape = state["_shape"] if "_shape" in state else state["shape"]
    if "row" in state:
        inner: Any = (state["data"], (state["row"], state["col"]))
    elif "coords" in state:
        inner = (state["data"], tuple(state["coords"]))
    else:
        inner = (state["data"], state["indices"], state["indptr"])
    matrix = value.build(inner, shape=shape)
    if hasattr(matrix, "check_format"):  # COO checks its indices when built; the others would write out of bounds
        matrix.check_format(full_check=True)
    return matrix.toarray()
