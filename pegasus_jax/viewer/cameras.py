"""Pictures as they come: from a webcam, or from a video file as if it were one."""

import contextlib
import pathlib
import time
from collections.abc import Generator

import cv2
import numpy as np

from pegasus_jax import paths, progress
from pegasus_jax.capture.video import read_frames
from pegasus_jax.errors import UserError

_LATE = 0.1  # seconds: as far as a picture of a file may be behind


def check_source(source: str) -> None:
    """Whether there may be pictures.

    Raises:
        UserError: it is neither the number of a webcam nor a video file.
    """
    if not source.isdigit() and not paths.expanded(source).exists():
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
    camera = cv2.VideoCapture(number)
    try:
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not the oldest that waits
        while True:
            read, image = camera.read()
            if not read:
                raise UserError(f"Webcam {number} gives no pictures; is it plugged in, and used by no other program?")
            yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    finally:
        camera.release()
