"""Two frames of a real clip, a second apart."""

import pathlib

import cv2
import numpy as np

from pegasus_jax.capture.video import read_frames


def two_frames(real_data: pathlib.Path, *, size: tuple[int, int]) -> list[np.ndarray]:
    """(H, W, 3) float32 in [0, 1] each."""
    frames = list(read_frames(real_data / "videos" / "subject_a.mp4", fps=1, max_frames=2))
    return [cv2.resize(f.image, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255 for f in frames]
