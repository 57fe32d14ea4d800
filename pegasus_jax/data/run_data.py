"""What a family's model of a run is made from."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from pegasus_jax.data.stages import Stages
from pegasus_jax.data.videos import Videos
from pegasus_jax.flame.model import HeadModel

Perceptual = Callable[[jax.Array, jax.Array], jax.Array]  # of two pictures (B, H, W, 3) in [0, 1]


@dataclasses.dataclass(frozen=True)
class RunData:
    """One run: its settings, its person and its frames."""

    settings: Any  # the family's
    seed: int
    total_frames: int
    image_size: int  # side of the square training pictures, pixels
    head: HeadModel
    betas: np.ndarray  # (100,) the person's shape
    videos: Videos
    stages: Stages
    perceptual: Perceptual | None  # the perceptual loss, where weights were given
