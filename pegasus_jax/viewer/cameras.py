"""Pictures as they come: from a webcam, or from a video file as if it were one."""

import contextlib
import pathlib
import time
from collections.abc import Generator

import cv2
import numpy as np

from pegasus_jax import native_logs, paths, progress
from pegasus_jax.capture.video import read_frames
from pegasus_jax.errors import UserError

_PATIENCE, _RETRY = 5.0, 0.05  # seconds without a picture until a webcam counts as gone, and between two tries
_LATE = 0.1  # seconds: as far as a picture of a file may be behind


def check_source(source: str) -> None:
    """Whether there may be pictures.

    Raises:
        UserError: it is neither the number of a webcam that is there nor a video file.
    """
    if source.isdigit():
        _opened(int(source)).release()
    elif not paths.expanded(source).exists():
        raise UserError(f"--live={source} must be the number of a webcam, such as 0, or a video file.")


def live_frames(source: str) -> Generator[tuple[np.ndarray, float], None, None]:
    """Pictures (H, W, 3) uint8 RGB of webcam number `source`, or of a video file again and again, with the seconds
    since it was opened.

    Of a file those are left out that the caller is too slow for, as a webcam does.

    Raises:
        UserError: the webcam cannot be opened, or the file cannot be read.
    """
    start = time.monotonic()
    images = _webcam(int(source)) if source.isdigit() else _played(paths.expanded(source))
    with contextlib.closing(images):
        for image in images:
            yield image, time.monotonic() - start


def _played(video: pathlib.Path) -> Generator[np.ndarray, None, None]:
    told = progress.note
    while True:
        start = None
        for frame in read_frames(video, told=told):
            start = time.monotonic() if start is None else start
            early = frame.time - (time.monotonic() - start)
            if early > -_LATE:
                time.sleep(max(early, 0.0))
                yield frame.image
        told = _say_nothing  # it was told the first time


def _say_nothing(text: str) -> None:
    pass


def _webcam(number: int) -> Generator[np.ndarray, None, None]:
    camera = _opened(number)
    try:
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not the oldest that waits
        last = time.monotonic()
        while time.monotonic() - last < _PATIENCE:
            read, image = camera.read()
            if not read or image is None or not image.size:
                time.sleep(_RETRY)  # many give nothing while they wake up, or now and then
                continue
            last = time.monotonic()
            yield _rgb(image)
        raise UserError(f"Webcam {number} gives no pictures; is it plugged in, and used by no other program?")
    finally:
        camera.release()


def _opened(number: int) -> cv2.VideoCapture:
    with native_logs.hidden():
        camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        camera.release()
        raise UserError(f"There is no webcam {number}, or another program has it; the first one is --live=0.")
    return camera


def _rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB of grey pictures, (H, W) or (H, W, 1), of BGR and of BGRA."""
    channels = 1 if image.ndim == 2 else image.shape[2]
    return cv2.cvtColor(image, {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}[channels])
