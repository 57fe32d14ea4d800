"""Features of pictures from a network that the user names: an ONNX file, run by OpenCV."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import threading
import weakref
from typing import Literal

import cv2
import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import onnx_process
from pegasus_jax.untrusted import files, limits

_COPIES = 4  # of a network's weights that OpenCV may hold
_SECONDS = 300.0  # that a picture may take


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What a network expects of a picture: (value - mean) / std per channel, values in [0, 1] before."""

    size: tuple[int, int]  # height, width in pixels; other pictures are resized
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)  # in the network's order of channels
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    channels: Literal["rgb", "bgr"] = "rgb"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The network's input (1, 3, h, w) float32 of a picture (H, W, 3) in [0, 1].

        Larger pictures are resized by area, so that they do not alias, smaller ones bilinearly.
        """
        height, width = self.size
        shrinks = image.shape[0] > height or image.shape[1] > width
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        resized = np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.float32)
        ordered = resized if self.channels == "rgb" else resized[..., ::-1]
        normalised = (ordered - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], np.float32)


INCEPTION = Preprocessing(size=(299, 299))
ARCFACE = Preprocessing(size=(112, 112))


class OnnxFeatures:
    """A network as a function from pictures to features, in a process of its own: see `onnx_process`.

    Raises:
        UserError: there is no such file, or OpenCV cannot read it.
    """

    def __init__(self, path: str | os.PathLike[str], *, preprocessing: Preprocessing):
        self._path, self._preprocessing = pathlib.Path(path), preprocessing
        if not files.is_regular(self._path):
            raise UserError(f"There is no file {self._path}; give a network as .onnx.")
        size = self._path.stat().st_size
        limits.check_file(size, source=self._path)
        numbers = (*preprocessing.size, _COPIES * size + limits.file_bytes())
        self._process = subprocess.Popen(
            [sys.executable, "-P", onnx_process.__file__, str(self._path), *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, self._process)
        try:
            self._answer()
        except _Failed as error:
            raise UserError(f"{self._path} is not a network that OpenCV can read as ONNX ({error}).") from error

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, D) float32: the network's first output, flattened, of pictures (N, H, W, 3) float in [0, 1].

        Picture by picture, as many published files fix a batch of one.

        Raises:
            UserError: the network does not take pictures of the size it is said to take.
        """
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[3] != 3 or not np.issubdtype(images.dtype, np.floating):
            raise ValueError(f"images must be (N, H, W, 3) floats in [0, 1]; got {images.shape} {images.dtype}.")
        return np.stack([self._features(image) for image in images.astype(np.float32)])

    def _features(self, image: np.ndarray) -> np.ndarray:
        assert self._process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it has ended, which its answer says
                self._process.stdin.write(self._preprocessing(image).tobytes())
                self._process.stdin.flush()
            return np.frombuffer(self._answer(), np.float32)
        except _Failed as error:
            height, width = self._preprocessing.size
            raise UserError(
                f"{self._path} cannot be run on a picture of {height}×{width} pixels ({error}): "
                "give the preprocessing that this network was made for."
            ) from error

    def _answer(self) -> bytes:
        """The next message of the process.

        Raises:
            _Failed: it says that something is wrong, or ends, or takes too long.
        """
        stream = self._process.stdout
        assert stream is not None
        watch = threading.Timer(_SECONDS, self._process.kill)
        watch.start()
        try:
            head = stream.read(onnx_process.HEAD.size)
            if len(head) < onnx_process.HEAD.size:
                raise _Failed(f"its process ended with status {self._process.wait()}")
            kind, size = onnx_process.HEAD.unpack(head)
            limits.check_file(size, source=f"The output of {self._path}")
            content = stream.read(size)
        finally:
            watch.cancel()
        if kind != onnx_process.FEATURES or len(content) < size:
            raise _Failed(files.said(content.decode(errors="replace")) or "its process ended")
        return content


class _Failed(Exception):
    """What went wrong in the process."""


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()
