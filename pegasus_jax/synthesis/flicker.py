"""How much a composed clip flickers beyond what the target's own does."""

import collections
from typing import NamedTuple

import numpy as np

_OPAQUE = 250  # of 255


class _Frame(NamedTuple):
    number: int
    own: np.ndarray  # (H, W, 3), levels
    composed: np.ndarray  # (H, W, 3)
    where: np.ndarray  # (H, W) bool: changed, and opaque


class Flicker:
    """Mean absolute second difference in time (levels of 255) of pixels that changed, and of the target's own there.

    Motion is in both; what the composed clip has more is flicker. It is fed frame by frame and keeps three of them.
    """

    def __init__(self) -> None:
        self._last: collections.deque[_Frame] = collections.deque(maxlen=3)
        self._sums = np.zeros(2)
        self._count = 0

    def add(self, index: int, own: np.ndarray, composed: np.ndarray, matte: np.ndarray, changed: np.ndarray) -> None:
        """Frame `index`: the target's image and the composed one (H, W, 3), its matte (H, W), and what changed."""
        self._last.append(_Frame(index, own, composed, changed & (matte > _OPAQUE)))
        if [frame.number for frame in self._last] != [index - 2, index - 1, index]:
            return
        where = np.logical_and.reduce([frame.where for frame in self._last])
        for k, images in enumerate(([frame.composed for frame in self._last], [frame.own for frame in self._last])):
            first, middle, last = (image.astype(np.float32) for image in images)
            self._sums[k] += np.abs(first - 2 * middle + last)[where].sum()
        self._count += 3 * int(where.sum())

    def figures(self) -> dict[str, float]:
        """For `capture.json`."""
        composed, own = self._sums / max(self._count, 1)
        return {"composed": float(composed), "target": float(own)}
