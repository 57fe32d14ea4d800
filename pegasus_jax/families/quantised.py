"""Arrays as small integers and what one step of them is worth: what a web page loads."""

import dataclasses

import numpy as np
from numpy.typing import DTypeLike


@dataclasses.dataclass(frozen=True)
class Quantised:
    """Rows of integers: row `r` stands for `steps[r] * values[r]`."""

    values: np.ndarray  # (R, ...) of an integer type
    steps: np.ndarray  # (R,) float32

    @property
    def restored(self) -> np.ndarray:
        """(R, ...) float32: what a page computes with."""
        return self.values * self.steps.reshape(-1, *(1,) * (self.values.ndim - 1))


def quantise(array: np.ndarray, dtype: DTypeLike) -> Quantised:
    """Returns rows (R, ...) as integers of `dtype`; a row's largest magnitude is the type's largest number.

    Zero stays zero, and an error is half a step at most.
    """
    array, largest = np.asarray(array, np.float64), np.iinfo(dtype).max
    reach = np.abs(array).max(axis=tuple(range(1, array.ndim)), initial=0.0)
    steps = (np.where(reach > 0.0, reach, 1.0) / largest).astype(np.float32)
    values = np.round(array / steps.reshape(-1, *(1,) * (array.ndim - 1)))
    return Quantised(np.clip(values, -largest, largest).astype(dtype), steps)
