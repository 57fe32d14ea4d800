"""How many points a run has when, and how coarse Gaussians are: supplement A.1.2, and the released targets.

All of it is counted in epochs; how many frames one is, the run's settings say.
"""

import dataclasses
import itertools
import math
from typing import Literal

_RADIUS = 0.15  # head units, of 100 points
_SHRINK, _LAST_SHRINK = 0.75, 0.9  # of the floor, as points become more, and as they do for the last time
FINE_JITTER = 0.004  # head units


@dataclasses.dataclass(frozen=True)
class Schedule:
    """When points are pruned and refilled, and to how many."""

    init: Literal["head", "sphere"] = "head"  # the paper: vertices of the head, its mouth open; released: a sphere
    period: int = 5  # epochs between prunings
    targets: tuple[tuple[int, int], ...] = (
        (0, 400),
        (5, 800),
        (10, 1_600),
        (15, 3_200),
        (20, 6_400),
        (25, 10_000),
        (30, 20_000),
        (40, 40_000),
        (50, 80_000),
        (60, 130_000),
    )  # (epoch, points) from then on; a run that starts with more enters the table at its first larger number
    fine_jitter_after: int | None = None  # epochs; the released code 100; None: from the last target on

    def target(self, epoch: int, first: int) -> int:
        """Points after an epoch's refill, of a run that began with `first`."""
        return max(first, *(count for start, count in self.targets if start <= epoch))

    def floor(self, epoch: int, first: int) -> float:
        """rho, head units: what is added to every standard deviation from an epoch's refill on.

        0.15 x 0.75^log2(N / 100) at the start; times 0.75 with every growth but the last, which takes 0.9, and with
        every period after that. A run that began with `first` points begins no coarser than these ask for.
        """
        growths = [start for start, _ in self.targets[1:]]
        factors = [_SHRINK if start != growths[-1] else _LAST_SHRINK for start in growths if start <= epoch]
        if growths and epoch > growths[-1]:
            factors += [_SHRINK] * ((epoch - growths[-1]) // self.period)
        table = itertools.accumulate([_first_floor(self.targets[0][1]), *factors], lambda a, b: a * b)
        return min(_first_floor(first), list(table)[-1])

    def jitter(self, epoch: int, first: int) -> float:
        """Side, head units, of the cube in which copies of points are put."""
        fine_after = self.targets[-1][0] if self.fine_jitter_after is None else self.fine_jitter_after
        return FINE_JITTER if epoch > fine_after else self.floor(epoch - 1, first)


def _first_floor(count: int) -> float:
    return _RADIUS * _SHRINK ** math.log2(count / 100)
