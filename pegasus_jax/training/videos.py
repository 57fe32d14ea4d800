"""A run's frames: every clip split, and marked with its look."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pegasus_jax.data import Dataset
from pegasus_jax.data.frames import Batch, ClipFrames
from pegasus_jax.data.store import FrameStore
from pegasus_jax.flame.model import GLOBAL
from pegasus_jax.training.looks import sources
from pegasus_jax.training.settings import Settings

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


def load_videos(datasets: Sequence[Dataset], settings: Settings, *, budget: int = 0) -> Videos:
    """Splits every clip; pictures are decoded later, and kept in up to `budget` bytes.

    Raises:
        UserError: the folders do not belong together, or one of them does not fit.
    """
    found = sources(datasets)
    size = (settings.image_size, settings.image_size)
    normals = bool(settings.step.weights.normal)
    train, test, counts = [], [], [0] * (1 + len(found.swapped))
    looks = [0] * len(found.own) + list(range(1, len(counts)))
    for look, dataset in zip(looks, (*found.own, *found.swapped)):
        train_rows, test_rows = dataset.split(test_fraction=settings.test_fraction)
        counts[look] += len(train_rows)
        train.append(ClipFrames(dataset, train_rows, image_size=size, look=look, normals=normals))
        test.append(ClipFrames(dataset, test_rows, image_size=size, look=look))
    expression = np.concatenate([clip.expression for clip in train if clip.look == 0])
    variance = expression.var(axis=0, ddof=1)
    return Videos(
        train=FrameStore(train, budget=budget),
        test=FrameStore(test),
        counts=tuple(counts),
        expression_c=expression.mean(axis=0),
        expression_variance=np.maximum(variance, settings.expression_variance_floor).astype(np.float32),
    )
