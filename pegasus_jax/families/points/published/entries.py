"""The named arrays of a checkpoint, each taken once: what is missing, misshapen or left over is named."""

import re
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from pegasus_jax.errors import UserError


class Entries:
    """Arrays by their published names. `where` is the file, for messages."""

    def __init__(self, arrays: Mapping[str, Any], *, where: str):
        self.where = where
        self._arrays = dict(arrays)
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an entry that there has to be."""
        return self._array(name).shape

    def rounding(self, name: str) -> float:
        """How far, relative to itself, a number of an entry may be from what was trained: 0 for float32 and wider."""
        dtype = self._array(name).dtype
        is_short = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
        return float(jnp.finfo(dtype).eps) if is_short else 0.0

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The entry as float32.

        Raises:
            UserError: it is missing, of another shape, or not finite.
        """
        array = self._array(name)
        if array.shape != shape:
            raise UserError(f"{self.where}: {name} has the shape {array.shape}; the other entries ask for {shape}.")
        self._taken.add(name)
        array = np.asarray(array, np.float32)
        if not np.isfinite(array).all():
            raise UserError(f"{self.where}: {name} has a value that is not finite; take an earlier checkpoint.")
        return array

    def matching(self, pattern: str) -> list[str]:
        """Names that match a regular expression from end to end, in the file's order."""
        return [name for name in self._arrays if re.fullmatch(pattern, name)]

    def ignore(self, pattern: str) -> None:
        """Names that need not be taken."""
        self._taken.update(self.matching(pattern))

    def check_all_taken(self) -> None:
        """Raises:
        UserError: an entry was neither taken nor ignored.
        """
        rest = [name for name in self._arrays if name not in self._taken]
        if rest:
            others = f" and {len(rest) - 1} others" if len(rest) > 1 else ""
            raise UserError(
                f"{self.where} has an entry {rest[0]}{others} that neither PointAvatar nor PEGASUS has; "
                "an avatar without it would be another one, so nothing was imported."
            )

    def _array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise UserError(f"{self.where} has no entry {name}; give a checkpoint of PointAvatar or PEGASUS.")
        value = self._arrays[name]
        if not isinstance(value, np.ndarray):
            raise UserError(f"{self.where}: {name} is no tensor; give a checkpoint of PointAvatar or PEGASUS.")
        return value
