"""A run's frames: every clip split, and marked with its look."""

import dataclasses

import numpy as np

from pegasus_jax.data.frames import Batch, ClipFrames
from pegasus_jax.data.store import FrameStore
from pegasus_jax.flame.model import GLOBAL

_SAMPLE = 24  # frames: enough of a clip to tell where it shows what


@dataclasses.dataclass(frozen=True)
class Videos:
    """The run's frames, split; what a folder sets apart, or the last part of a clip, is held out.

    Frames lie in the order of their looks: own videos first, then each part-swapped one.
    """

    train: FrameStore
    test: FrameStore
    counts: tuple[int, ...]  # training frames of each look
    expression_c: np.ndarray  # (50,) mean over own training frames
    expression_variance: np.ndarray  # (50,)

    @property
    def own(self) -> list[ClipFrames]:
        """Training frames of the person as filmed."""
        return [clip for clip in self.train.clips if clip.look == 0]

    @property
    def ndc_per_unit(self) -> float:
        """How large a head unit looks in the own training frames, on average."""
        return float(np.concatenate([clip.cameras.ndc_per_unit() for clip in self.own]).mean())

    @property
    def mean_pose(self) -> np.ndarray:
        """(15,) mean pose of the own training frames, but for the turn of the whole head, which is zero."""
        mean = np.concatenate([clip.pose for clip in self.own]).mean(axis=0)
        mean[GLOBAL] = 0.0
        return mean

    def sample(self, look: int, *, count: int = _SAMPLE) -> Batch:
        """Some training frames of a look, `count` at most, spread over them."""
        rows = np.flatnonzero(self.train.look == look)
        return self.train.batch(rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))])
