"""A pytree as a flat dict of arrays with dotted names, such as `networks.canonical.layers.0.v`: what files hold.

`checked` is the one door through which arrays of a file become an avatar's.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import jax
import numpy as np

from pegasus_jax.errors import UserError

_KINDS = {"f": "f", "i": "iu", "b": "b"}  # of dtypes that are taken for floats, integers, booleans
_DTYPES = {"f": np.float32, "i": np.int32, "b": bool}
_COMPARED = 4  # bytes of a float
_LARGEST = {"f": float(np.finfo(np.float32).max), "i": float(np.iinfo(np.int32).max), "b": 1.0}


@dataclasses.dataclass(frozen=True)
class Leaf:
    """What an array in a file has to be."""

    shape: tuple[int | str, ...]  # a name stands for a number above 0, the same for all arrays that name it
    kind: Literal["f", "i", "b"] = "f"  # becomes float32, int32 or bool
    low: float | None = None  # the least value that there may be
    high: float | None = None  # the largest
    may_be_none: tuple[str, ...] = ()  # names of the shape that may stand for 0


def checked(arrays: Mapping[str, np.ndarray], leaves: Mapping[str, Leaf], *, where: str) -> dict[str, np.ndarray]:
    """The arrays of these names, each of its shape and type, all of their values finite and within their bounds.

    Raises:
        UserError: one of them is missing, or is not so; `where` they come from is for the sentence.
    """
    sizes: dict[str, int] = {}
    return {name: _checked(arrays, name, leaf, sizes, where) for name, leaf in leaves.items()}


def _checked(arrays: Mapping[str, np.ndarray], name: str, leaf: Leaf, sizes: dict[str, int], where: str) -> np.ndarray:
    if name not in arrays:
        raise UserError(f"{where} has no array {name!r}; export the avatar again.")
    array = np.asarray(arrays[name])
    if array.dtype.kind not in _KINDS[leaf.kind]:
        raise UserError(f"{where}: {name} holds {array.dtype}, not {np.dtype(_DTYPES[leaf.kind])}.")
    if array.dtype.itemsize < _COMPARED and leaf.kind == "f":
        array = array.astype(np.float32)  # bounds are beyond the smaller types
    if len(array.shape) == len(leaf.shape):
        for size, wanted in zip(array.shape, leaf.shape):
            if isinstance(wanted, str) and (size or wanted in leaf.may_be_none):
                sizes.setdefault(wanted, size)
    shape = tuple(sizes.get(wanted, wanted) if isinstance(wanted, str) else wanted for wanted in leaf.shape)
    if array.shape != shape:
        said = ", ".join(map(str, shape))
        raise UserError(f"{where}: {name} must have the shape ({said}); it has {array.shape}.")
    largest = _LARGEST[leaf.kind]
    low, high = -largest if leaf.low is None else leaf.low, largest if leaf.high is None else leaf.high
    if not ((array >= low) & (array <= high)).all():  # NaN is neither
        bounds = "finite" if leaf.low is None and leaf.high is None else f"between {low:g} and {high:g}"
        raise UserError(f"{where}: {name} has values that are not {bounds}; the file is damaged.")
    return array.astype(_DTYPES[leaf.kind], copy=False)


def flat(tree: Any) -> dict[str, Any]:
    """Leaves by their dotted names."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def fingerprint_of(tree: Any, *, start: str = "") -> str:
    """SHA-256 of a text and of all leaves with their names, as hex."""
    digest = hashlib.sha256(start.encode())
    for name, leaf in sorted(flat(tree).items()):
        digest.update(name.encode() + np.asarray(leaf).tobytes())
    return digest.hexdigest()


def unflat(template: Any, leaves: Mapping[str, Any], *, where: str) -> Any:
    """The template's pytree with these leaves; the names have to agree, shapes may differ.

    Raises:
        UserError: a name is missing or unknown.
    """
    paths, treedef = jax.tree_util.tree_flatten_with_path(template)
    names = [_name(path) for path, _ in paths]
    odd = sorted(set(names) ^ set(leaves))
    if odd:
        raise UserError(
            f"{where} was made with other networks: {odd[0]} is in only one of the two; use its own config."
        )
    return jax.tree_util.tree_unflatten(treedef, [leaves[name] for name in names])


def _name(path: tuple) -> str:
    return ".".join(str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key)))) for key in path)
