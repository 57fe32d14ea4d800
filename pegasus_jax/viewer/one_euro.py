"""The one-euro filter (Casiez, Roussel, Vogel 2012): calm where a signal rests, quick where it moves."""

import numpy as np
from numpy.typing import ArrayLike

_SPEED_CUTOFF = 1.0  # Hz, of the speed itself


class OneEuro:
    """A low-pass filter of numbers that come one after the other, each by itself.

    Its cutoff frequency rises with the speed: `calm + quick |speed|`.
    """

    def __init__(self, *, calm: float, quick: float):
        """`calm` in Hz, at rest; `quick` in Hz per unit a second."""
        self._calm, self._quick = calm, quick
        self._last: tuple[float, np.ndarray, np.ndarray] | None = None  # seconds, value, speed

    def __call__(self, values: np.ndarray, seconds: float) -> np.ndarray:
        """The filtered values (N,), seen at a time that is later than the last one."""
        if self._last is None:
            self._last = seconds, values, np.zeros_like(values)
            return values
        before, last, last_speed = self._last
        step = max(seconds - before, 1e-3)
        speed = last_speed + _share(_SPEED_CUTOFF, step) * ((values - last) / step - last_speed)
        filtered = last + _share(self._calm + self._quick * np.abs(speed), step) * (values - last)
        self._last = seconds, filtered, speed
        return filtered


def _share(cutoff: ArrayLike, step: float) -> np.ndarray:
    """How much of a new value a first-order low-pass takes."""
    return 1.0 / (1.0 + 1.0 / (2.0 * np.pi * np.asarray(cutoff) * step))
