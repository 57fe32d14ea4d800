"""Photometric alignment: landmarks are noisy and drift, the texture of skin and hair does not.

Points of the fitted mesh carry the mean colour over the clip. In turn the colours are averaged at the current track,
and the frames' pose, expression and placement are refined so that each frame shows those colours, with the landmark
term and its priors kept: Gauss-Newton on the same normal equations, from blurred to sharp pictures.
"""

import dataclasses

import cv2
import numpy as np

from pegasus_jax.capture.colour_term import ColourWeights, colour_term
from pegasus_jax.capture.face_landmarks import FaceDetections
from pegasus_jax.capture.fit import ClipPriors, shared_prior, step_precision
from pegasus_jax.capture.landmark_term import LandmarkWeights, landmark_term
from pegasus_jax.capture.minimise import Stage, minimise
from pegasus_jax.capture.observations import landmark_map, observe
from pegasus_jax.capture.surface import surface
from pegasus_jax.capture.track import FRAME_SIZE, SHARED_SIZE, Track
from pegasus_jax.flame.model import HeadModel

_BLURS = (3.0, 1.5, 0.8)  # standard deviations in pixels of a 256-pixel picture, coarse to fine
_ROUNDS_PER_BLUR = 2
_BLUR_REFERENCE_SIDE = 256


@dataclasses.dataclass(frozen=True)
class Alignment:
    """An aligned track; residuals are mean absolute colour differences in 8-bit steps at the sharpest level."""

    track: Track
    residual_before: float
    residual_after: float


def align(
    head: HeadModel,
    detections: FaceDetections,
    times: np.ndarray,
    images: np.ndarray,
    mattes: np.ndarray,
    track: Track,
    *,
    side: int,
    landmark_weights: LandmarkWeights = LandmarkWeights(landmark=0.04),
    colour_weights: ColourWeights = ColourWeights(),
    priors: ClipPriors = ClipPriors(),
) -> Alignment:
    """Refines a landmark fit by colour; shape and focal length stay.

    Args:
        head: the model that `track` fits.
        detections: F frames, pixels of a crop of `side`.
        times: (F,) seconds.
        images: (F, S, S, 3) uint8 crops.
        mattes: (F, S, S) uint8, 255 where the person is; colour is aligned over white, so that the outline shows.
        track: the landmark fit.
        side: pixels.
        landmark_weights: the landmark term that stays in force.
        colour_weights: deviations of the colour residual.
        priors: as in the fit.
    """
    points = surface(head, track=track, mattes=mattes / np.float32(255))
    images = _over_white(images, mattes)
    mapped = landmark_map(head)
    landmarks = landmark_term(head, mapped, observe(detections, side, mapped, head), landmark_weights)
    stage = Stage(np.ones(FRAME_SIZE, bool), np.zeros(SHARED_SIZE, bool), iterations=3, tolerance=1e-3)
    smoothness, prior = step_precision(track, times, priors), shared_prior(len(times), priors)
    sharp = _blurred(images, _BLURS[-1])
    before = points.residual(track, sharp, points.appearance(track, sharp))
    for blur in _BLURS:
        pictures = sharp if blur == _BLURS[-1] else _blurred(images, blur)
        for _ in range(_ROUNDS_PER_BLUR):
            term = colour_term(points.model, pictures, points.appearance(track, pictures), colour_weights)
            track = minimise(track, [landmarks, term], smoothness=smoothness, shared_prior=prior, stage=stage)
    return Alignment(track, before, points.residual(track, sharp, points.appearance(track, sharp)))


def _over_white(images: np.ndarray, mattes: np.ndarray) -> np.ndarray:
    out = np.empty_like(images)
    for row, image, matte in zip(out, images, mattes):
        share = matte[..., None] / np.float32(255)
        row[:] = np.round(image * share + 255 * (1 - share))
    return out


def _blurred(images: np.ndarray, blur: float) -> np.ndarray:
    """(F, S, S, 3) float16 in [0, 1]: half precision, because all frames are held at once."""
    sigma = blur * images.shape[1] / _BLUR_REFERENCE_SIDE
    out = np.empty(images.shape, np.float16)
    for row, image in zip(out, images):
        row[:] = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), sigma)
    return out
