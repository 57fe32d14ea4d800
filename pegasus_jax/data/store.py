"""Frames of several clips as a run takes them: decoded when their turn comes, and kept while there is room."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import numpy as np

from pegasus_jax.data.frames import Batch, ClipFrames

_WORKERS = 4
_AHEAD = 8  # batches that are decoded before they are asked for


class FrameStore:
    """The frames of clips one after the other, numbered from 0.

    Decoded pictures are kept as uint8 until they fill `budget` bytes; from then on the others are decoded each time.
    None is thrown out for another: in shuffled epochs every frame is as likely to be the next as any other.
    """

    finish: Callable[[Batch], Batch]  # what is done to a frame once it is read, before it is kept

    def __init__(self, clips: Sequence[ClipFrames], *, budget: int = 0):
        self.clips, self.finish = list(clips), _as_it_is
        self.look = np.repeat([clip.look for clip in clips], [len(clip) for clip in clips])
        self._starts = np.cumsum([0] + [len(clip) for clip in clips])
        self._room, self._kept = budget, dict[int, Batch]()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.look)

    @property
    def kept(self) -> frozenset[int]:
        """Numbers of the frames whose pictures are in memory."""
        return frozenset(self._kept)

    def bytes_to_come(self, batch: Batch) -> int:
        """What frames will take besides those that are kept now, where a step takes such a batch."""
        count = len(batch.frame)
        size = _size(batch) // count
        return size * (min(len(self) - len(self._kept), self._room // size) + _AHEAD * count)

    def batch(self, rows: Iterable[int] | np.ndarray) -> Batch:
        """The frames of these numbers (B,), on the host.

        Raises:
            UserError: a picture cannot be read.
        """
        frames = [self._frame(int(row)) for row in rows]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *frames)

    @contextlib.contextmanager
    def stream(self, orders: Iterable[np.ndarray]) -> Iterator[Iterator[Batch]]:
        """Batches of these numbers, in turn; the next ones are decoded while one is used."""
        pool = concurrent.futures.ThreadPoolExecutor(_WORKERS, thread_name_prefix="frames")
        try:
            yield self._ahead(pool, iter(orders))
        finally:
            pool.shutdown(cancel_futures=True)

    def _ahead(self, pool: concurrent.futures.Executor, orders: Iterator[np.ndarray]) -> Iterator[Batch]:
        coming: collections.deque[concurrent.futures.Future[Batch]] = collections.deque()
        while True:
            while len(coming) < _AHEAD and (rows := next(orders, None)) is not None:
                coming.append(pool.submit(self.batch, rows))
            if not coming:
                return
            yield coming.popleft().result()

    def _frame(self, row: int) -> Batch:
        kept = self._kept.get(row)
        if kept is not None:
            return kept
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        frame = self.clips[number].read(np.array([row - self._starts[number]]))
        if frame.normal is None and any(clip.has_normals for clip in self.clips):
            frame = dataclasses.replace(frame, normal=np.zeros_like(frame.image))
        frame = self.finish(dataclasses.replace(frame, frame=np.array([row], np.int32)))
        size = _size(frame)
        with self._lock:
            if size <= self._room and row not in self._kept:
                self._room -= size
                self._kept[row] = frame
        return frame


def _size(frames: Batch) -> int:
    """Bytes."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(frames))


def _as_it_is(batch: Batch) -> Batch:
    return batch
