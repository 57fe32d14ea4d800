"""Reading videos whole."""

import os

import numpy as np

from pegasus_jax import progress
from pegasus_jax.errors import UserError
from pegasus_jax.media import decoding


def read_video(path: str | os.PathLike, *, max_frames: int | None = None) -> tuple[np.ndarray, float]:
    """All frames of a video, as they are meant to be shown; see `decoding`.

    Returns:
        `frames` (N, H, W, 3) uint8 and the average frame rate in 1/s.

    Raises:
        UserError: the file is missing, is no video, or holds no frames.
    """
    frames: list[np.ndarray] = []
    for _, image in decoding.decode(path, told=progress.note):
        if max_frames is not None and len(frames) >= max_frames:
            break
        frames.append(image)
    if not frames:
        raise UserError(f"{path} holds no readable frames; is the file complete?")
    return np.stack(frames), decoding.frame_rate(path)
