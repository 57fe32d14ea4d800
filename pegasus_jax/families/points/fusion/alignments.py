"""The motions of one attribute: one for all looks, or one for each."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pegasus_jax.core.leaves import Leaf, checked
from pegasus_jax.families.points.fusion.align import Alignment


@dataclasses.dataclass(frozen=True)
class Alignments:
    """Motions by the code of the look that each was found for. L looks, codes of K numbers."""

    codes: np.ndarray  # (L, K)
    motions: np.ndarray  # (L, 6): axis-angle, radians; translation, head units
    before: np.ndarray  # (L,): d1 + d2 without the motion, squared head units
    after: np.ndarray  # (L,): and with it

    @classmethod
    def of(cls, codes: Sequence[np.ndarray], found: Sequence[Alignment]) -> "Alignments":
        """Of looks with these codes (K,)."""
        columns = [codes, *([getattr(one, name) for one in found] for name in ("motion", "before", "after"))]
        return cls(*(np.stack([np.asarray(value, np.float32) for value in column]) for column in columns))

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "Alignments":
        """Of named arrays, those of a file.

        Raises:
            UserError: one is missing or misshapen, or has values that are not finite.
        """
        shapes: dict[str, tuple[int | str, ...]]
        shapes = {"codes": ("L", "K"), "motions": ("L", 6), "before": ("L",), "after": ("L",)}
        return cls(**checked(arrays, {name: Leaf(shape) for name, shape in shapes.items()}, where=where))

    @classmethod
    def none(cls) -> "Alignments":
        """Everything stays where it is."""
        return cls(np.zeros((1, 1), np.float32), np.zeros((1, 6), np.float32), *np.zeros((2, 1), np.float32))

    def at(self, code: np.ndarray) -> np.ndarray:
        """The motion (6,) for any code (K,): a look's own at its code, between looks a mean by inverse square distance.

        With one look it is that one's everywhere.
        """
        square = np.sum((self.codes - np.asarray(code)) ** 2, axis=1)
        if not square.min() > 0.0:
            return self.motions[np.argmin(square)]
        weights = 1.0 / square
        return (weights / weights.sum()) @ self.motions
