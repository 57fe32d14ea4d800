"""Reading videos."""

import os
import pathlib

import av
import numpy as np

from pegasus_jax.errors import UserError


def read_video(path: str | os.PathLike, *, max_frames: int | None = None) -> tuple[np.ndarray, float]:
    """All frames of a video, turned upright as its rotation metadata say.

    Returns:
        `frames` (N, H, W, 3) uint8 and the average frame rate in 1/s.

    Raises:
        UserError: the file is missing, is no video, or holds no frames.
    """
    try:
        with av.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise UserError(f"{path} holds no video; give a video file such as .mp4 or .mov.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            fps = float(stream.average_rate or stream.guessed_rate or 25)
            frames: list[np.ndarray] = []
            for frame in container.decode(stream):
                if max_frames is not None and len(frames) >= max_frames:
                    break
                frames.append(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))
    except FileNotFoundError as error:
        raise UserError(f"There is no video at {path}; check the path.") from error
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(f"{path} can't be read as a video ({error.strerror}); is the file complete?") from error
    if not frames:
        raise UserError(f"{path} holds no readable frames; is the file complete?")
    return np.stack(frames), fps


def count_frames(path: str | os.PathLike) -> int:
    """About how many frames a video has, from its header alone.

    Raises:
        UserError: the file is missing or is no video.
    """
    if not pathlib.Path(path).is_file():
        raise UserError(f"There is no video file at {path}.")
    try:
        with av.open(os.fspath(path)) as container:
            stream = container.streams.video[0]
            seconds = float((container.duration or 0) / av.time_base)
            return stream.frames or round(seconds * float(stream.average_rate or 25))
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"{path} cannot be read as a video ({error}); convert it to .mp4 and try again.") from error
