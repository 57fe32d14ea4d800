"""The landmark fit of a clip, coarse to fine: one shape and focal length, pose and expression per frame."""

import dataclasses

import numpy as np

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.face_landmarks import FaceDetections
from pegasus_jax.capture.initial import initial_track
from pegasus_jax.capture.landmark_term import LandmarkWeights, landmark_term
from pegasus_jax.capture.minimise import SharedPrior, Stage, minimise
from pegasus_jax.capture.minimise import columns as mask
from pegasus_jax.capture.observations import landmark_map, observe
from pegasus_jax.capture.track import FRAME_SIZE, SHARED_SIZE, Track
from pegasus_jax.flame.model import HeadModel

FOCAL_GUESS = 2.5  # crop sides; phones and webcams lie between 1.5 and 4 once a head is cropped
_STEPS_PER_SECOND = 30.0


@dataclasses.dataclass(frozen=True)
class ClipPriors:
    """Standard deviations of what is shared, and of steps within 1/30 s."""

    betas: float = 2.0  # per frame of the clip, so that more frames do not loosen the shape
    log_focal: float = 0.5
    step_neck: float = 0.05
    step_jaw: float = 0.1
    step_eyes: float = 0.3
    step_placement: float = 0.03
    step_distance: float = 0.0007  # relative; depth would otherwise follow the jaw
    step_expression: float = 0.3


def stages() -> list[Stage]:
    """Rigid, then jaw, eyes and expression, then also shape and focal length."""
    nothing = mask(size=SHARED_SIZE)
    rigid = mask(columns.NECK, columns.PLACEMENT)
    everything = np.ones(FRAME_SIZE, bool)
    return [
        Stage(rigid, nothing, iterations=4),
        Stage(everything, nothing, iterations=4, tolerance=1e-2),
        Stage(everything, mask(columns.BETAS, size=SHARED_SIZE), iterations=5, tolerance=1e-2),
        Stage(everything, np.ones(SHARED_SIZE, bool), iterations=12, tolerance=2e-4),
    ]


def fit_landmarks(
    head: HeadModel,
    detections: FaceDetections,
    times: np.ndarray,
    *,
    side: int,
    weights: LandmarkWeights = LandmarkWeights(),
    priors: ClipPriors = ClipPriors(),
) -> Track:
    """Fits the head to the landmarks of all frames together.

    Args:
        head: any head model; its face-mesh embedding is used where it has one, else the 68 landmarks.
        detections: F frames with one face each, pixels of a crop of `side` x `side`.
        times: (F,) seconds; smoothness weakens across gaps.
        side: pixels.
        weights: deviations of the residuals.
        priors: deviations of what links frames.
    """
    points = landmark_map(head)
    observed = observe(detections, side, points, head)
    track = initial_track(head, points, detections, side, FOCAL_GUESS)
    terms = [landmark_term(head, points, observed, weights)]
    smoothness = step_precision(track, times, priors)
    prior = shared_prior(len(times), priors)
    for stage in stages():
        track = minimise(track, terms, smoothness=smoothness, shared_prior=prior, stage=stage)
    return track


def step_precision(track: Track, times: np.ndarray, priors: ClipPriors) -> np.ndarray:
    """(F - 1, 65) precision of a random walk, whose variance grows with the gap between frames."""
    deviation = np.empty(FRAME_SIZE)
    deviation[columns.NECK] = priors.step_neck
    deviation[columns.JAW] = priors.step_jaw
    deviation[columns.EYES] = priors.step_eyes
    deviation[columns.PLACEMENT] = priors.step_placement
    deviation[columns.DISTANCE] = priors.step_distance * np.median(track.frames[:, columns.DISTANCE])
    deviation[columns.EXPRESSION] = priors.step_expression
    elapsed = np.maximum(np.diff(times), 1e-3) * _STEPS_PER_SECOND
    return 1 / (deviation**2 * elapsed[:, None])


def shared_prior(num_frames: int, priors: ClipPriors) -> SharedPrior:
    """The prior on shape and focal length for a clip of `num_frames`."""
    mean = np.zeros(SHARED_SIZE)
    mean[columns.LOG_FOCAL] = np.log(FOCAL_GUESS)
    precision = np.full(SHARED_SIZE, 1 / priors.betas**2)
    precision[columns.LOG_FOCAL] = 1 / priors.log_focal**2
    return SharedPrior(mean, precision * num_frames)
