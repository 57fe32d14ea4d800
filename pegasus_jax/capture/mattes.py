"""Soft mattes of the person and of the hair, by MediaPipe's segmenters and an edge-aware refinement."""

import types

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from pegasus_jax import native_logs
from pegasus_jax.capture.model_files import find_model
from pegasus_jax.errors import UserError

# The segmenters work at 256 x 256: their edges are a few of those pixels wide, and so is the filter's window.
_REFINE_RADIUS = 1 / 96
_REFINE_EPS = 1e-4
# The refined matte is stretched so that soft foreground and background noise become exactly 1 and 0.
_BLACK, _WHITE = 0.08, 0.92
_HALF = 127


class Segmenters:
    """Both segmenters, open; a context manager, because MediaPipe's objects must be closed.

    Raises:
        UserError: a model file is missing, or does not compute the masks that it should.
    """

    def __init__(self):
        self._person = _open("selfie_segmenter.tflite")
        self._hair = _open("hair_segmenter.tflite")

    def __enter__(self) -> "Segmenters":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._person.close()
        self._hair.close()

    def person(self, image: np.ndarray) -> np.ndarray:
        """The foreground matte (H, W) float32 in [0, 1] of `image` (H, W, 3) uint8."""
        return _sharpen(refine_matte(_confidence(self._person, image), image))

    def hair(self, image: np.ndarray) -> np.ndarray:
        """The hair matte (H, W) float32 in [0, 1] of `image` (H, W, 3) uint8."""
        return _sharpen(refine_matte(_confidence(self._hair, image), image))


def refine_matte(matte: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Guided filter (He et al. 2010, grey guide): `matte` (H, W) follows the edges of `image` (H, W, 3) uint8."""
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    radius = max(1, round(_REFINE_RADIUS * max(matte.shape)))

    def mean(array: np.ndarray) -> np.ndarray:
        return cv2.blur(array, (2 * radius + 1, 2 * radius + 1))

    mean_guide, mean_matte = mean(guide), mean(matte)
    slope = (mean(guide * matte) - mean_guide * mean_matte) / (mean(guide**2) - mean_guide**2 + _REFINE_EPS)
    offset = mean_matte - slope * mean_guide
    return np.clip(mean(slope) * guide + mean(offset), 0, 1)


def around_face(matte: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The part of a matte (H, W) uint8 that hangs together with a face, `landmarks` (478, 2 or more) in its pixels.

    Other people, and pictures of people, beside the face are left out, unless they touch.
    """
    count, labels = cv2.connectedComponents((matte > _HALF).astype(np.uint8))
    x, y = np.clip(np.floor(landmarks[:, :2].T).astype(int), 0, np.array(matte.shape)[::-1, None] - 1)
    hits = np.bincount(labels[y, x], minlength=count)
    hits[0] = 0  # the background
    if not hits.any():
        return matte
    others = (labels > 0) & (labels != hits.argmax())
    near = cv2.dilate(others.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, matte.shape[0] // 96))
    return np.where((near > 0) & (labels != hits.argmax()), 0, matte).astype(np.uint8)


def _sharpen(matte: np.ndarray) -> np.ndarray:
    return np.clip((matte - _BLACK) / (_WHITE - _BLACK), 0, 1)


def _open(name: str) -> vision.ImageSegmenter:
    path = find_model(name)
    options = vision.ImageSegmenterOptions(
        base_options=BaseOptions(model_asset_path=str(path)), output_confidence_masks=True
    )
    with native_logs.hidden():
        segmenter = vision.ImageSegmenter.create_from_options(options)
        masks = segmenter.segment(_picture(np.zeros((64, 64, 3), np.uint8))).confidence_masks
    if not masks or len(masks) > 2:
        segmenter.close()
        raise UserError(f"{path} does not compute one foreground mask; fetch it again, see `launch.py assets`.")
    return segmenter


def _confidence(segmenter: vision.ImageSegmenter, image: np.ndarray) -> np.ndarray:
    mask = segmenter.segment(_picture(image)).confidence_masks[-1].numpy_view()
    return np.array(mask, np.float32).reshape(image.shape[:2])


def _picture(image: np.ndarray) -> mediapipe.Image:
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
