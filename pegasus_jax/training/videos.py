"""Reads a run's frames: which of them train and which are held out."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pegasus_jax import families
from pegasus_jax.data import Dataset
from pegasus_jax.data.frames import ClipFrames
from pegasus_jax.data.store import FrameStore
from pegasus_jax.data.videos import Videos
from pegasus_jax.training.looks import sources
from pegasus_jax.training.settings import Settings


def load_videos(datasets: Sequence[Dataset], settings: Settings, *, budget: int = 0) -> Videos:
    """Splits every clip; pictures are decoded later, and kept in up to `budget` bytes.

    Raises:
        UserError: the folders do not belong together, or one of them does not fit.
    """
    found = sources(datasets)
    size = (settings.image_size, settings.image_size)
    normals = families.find(settings.family).needs_normals(settings.model)
    train, test, counts = [], [], [0] * (1 + len(found.swapped))
    looks = [0] * len(found.own) + list(range(1, len(counts)))
    for look, dataset in zip(looks, (*found.own, *found.swapped)):
        train_rows, test_rows = dataset.split(test_fraction=settings.test_fraction)
        counts[look] += len(train_rows)
        train.append(ClipFrames(dataset, train_rows, image_size=size, look=look, normals=normals))
        test.append(ClipFrames(dataset, test_rows, image_size=size, look=look))
    expression = np.concatenate([clip.expression for clip in train if clip.look == 0])
    return Videos(
        train=FrameStore(train, budget=budget),
        test=FrameStore(test),
        counts=tuple(counts),
        expression_c=expression.mean(axis=0),
        expression_variance=expression.var(axis=0, ddof=1),
    )


def in_size(videos: Videos, image_size: int, *, budget: int) -> Videos:
    """The same frames in square pictures of another side."""
    if image_size == videos.train.clips[0].image_size[0]:
        return videos
    clips = [clip.in_size((image_size, image_size)) for clip in videos.train.clips]
    return dataclasses.replace(videos, train=FrameStore(clips, budget=budget))
