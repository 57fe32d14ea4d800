"""Features of pictures from a network that the user names: an ONNX file, run by OpenCV."""

import dataclasses
import os
import pathlib
from typing import Literal

import cv2
import numpy as np

from pegasus_jax.errors import UserError


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
    """A network as a function from pictures to features.

    Raises:
        UserError: there is no such file, or OpenCV cannot read it.
    """

    def __init__(self, path: str | os.PathLike[str], *, preprocessing: Preprocessing):
        self._path, self._preprocessing = pathlib.Path(path), preprocessing
        if not self._path.is_file():
            raise UserError(f"There is no file {self._path}; give a network as .onnx.")
        try:
            self._network = cv2.dnn.readNetFromONNX(str(self._path))
        except cv2.error as error:
            raise UserError(f"{self._path} is not a network that OpenCV can read as ONNX ({error.err}).") from error

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
        try:
            self._network.setInput(self._preprocessing(image))
            return self._network.forward().ravel().copy()
        except cv2.error as error:
            height, width = self._preprocessing.size
            raise UserError(
                f"{self._path} cannot be run on a picture of {height}×{width} pixels ({error.err}): "
                "give the preprocessing that this network was made for."
            ) from error
