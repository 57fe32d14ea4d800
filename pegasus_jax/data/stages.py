"""The two stages of a run: the person's own videos first, then those and all part-swapped ones. Spec section 8.

All of it is a pure function of the seed and the number of frames seen. In stage 2 the frames that one device takes in
one step show one look, so that the canonical networks are evaluated once for them.
"""

import dataclasses

import numpy as np

from pegasus_jax.data.frames import frame_order

_GROUPS = 1 << 16  # sets the row of looks apart from the rows of frames, which are numbered by look


@dataclasses.dataclass(frozen=True)
class Stages:
    """Which frames a run sees when, and when its cloud and its nearest vertices are looked at again.

    A run of one look has one stage, whatever `first` says.
    """

    seed: int
    share: int  # frames per device and step
    first: int  # frames seen before swapped videos join
    counts: tuple[int, ...]  # training frames of each look, in whose order they lie one after the other

    @property
    def looks(self) -> int:
        """Number of looks."""
        return len(self.counts)

    def worn(self, seen: int) -> int:
        """How many looks, from the first, the coming frames show."""
        return self.looks if seen >= self.first else 1

    def rows(self, seen: int, count: int) -> np.ndarray:
        """The next `count` frames, a multiple of `share`, after `seen`: positions (count,) in the run's frames.

        Stage 1 goes through shuffled epochs of the own frames. Stage 2 goes through groups of `share` frames of one
        look, each taken from that look's own shuffled epochs. There, too, are epochs: after e of them, a look of n
        frames has had floor(e n / share) groups, so that every frame of every look was seen e times, give or take one.
        Which device takes a group does not matter to the order.
        """
        if self.worn(seen) == 1:
            return frame_order(self.seed, seen, count, self.counts[0])
        start = (seen - self.first) // self.share
        return np.concatenate([self._group(index) for index in range(start, start + count // self.share)])

    def changes_due(self, seen: int, period: int) -> int:
        """How often the cloud has to have changed: once in `period` frames for each look that is worn.

        So a point has as many frames of each look to be seen in as in stage 1. When swapped videos join, it changes
        once more.
        """
        if self.looks == 1 or seen < self.first:
            return seen // period
        return self.first // period + 1 + (seen - self.first) // (period * self.looks)

    def joining(self, period: int) -> int | None:
        """The number of the change with which swapped videos join; None in a run of one look."""
        return self.first // period if self.looks > 1 else None

    def next_stop(self, seen: int, period: int) -> int:
        """Where steps have to pause next for the cloud or for the second stage."""
        if self.worn(seen) == 1:
            change = next_multiple(seen, period)
            return min(change, self.first) if self.looks > 1 else change
        return self.first + next_multiple(seen - self.first, period * self.looks)

    def to_refresh(self, seen: int, every: int, step: int) -> range | tuple[int, ...]:
        """Looks whose nearest vertices are searched anew at a pause: all as they join, later each in its turn.

        `every` is the number of frames between pauses, `step` the frames of one step, which may be more. One search
        costs a CPU as much as the steps of four frames (14,336 points, 5,552 vertices): in turn, it stays at 5 percent.
        """
        if self.worn(seen) == 1:
            return (0,)
        if seen - self.first < step:
            return range(self.looks)
        return (seen // max(every, step) % self.looks,)

    def _group(self, index: int) -> np.ndarray:
        """Rows (share,) of one group of stage 2."""
        counts = np.asarray(self.counts)
        epoch = index * self.share // int(counts.sum())
        while self._groups_before(epoch + 1).sum() <= index:
            epoch += 1
        before, after = self._groups_before(epoch), self._groups_before(epoch + 1)
        order = np.random.default_rng([self.seed, _GROUPS, epoch]).permutation(
            np.repeat(np.arange(self.looks), after - before)
        )
        place = index - int(before.sum())
        look = int(order[place])
        group = int(before[look]) + int(np.sum(order[:place] == look))
        rows = frame_order((self.seed, look), group * self.share, self.share, self.counts[look])
        return int(counts[:look].sum()) + rows

    def _groups_before(self, epoch: int) -> np.ndarray:
        """(L,) groups of each look before an epoch."""
        return epoch * np.asarray(self.counts) // self.share


def next_multiple(value: int, period: int) -> int:
    """The smallest multiple of `period` above `value`."""
    return (value // period + 1) * period
