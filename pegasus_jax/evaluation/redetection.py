"""Does the avatar do what its driver did? MediaPipe looks at the renders and at the frames that drove them."""

from typing import NamedTuple

import numpy as np

from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.capture.face_landmarks import LEFT_EYE_OUTER, LEFT_IRIS, RIGHT_EYE_OUTER, RIGHT_IRIS, eye_distance

_INNER_LIPS = (13, 14)  # MediaPipe's points in the middle of the upper and the lower inner lip
_RIGHT_EYE_INNER, _LEFT_EYE_INNER = 133, 362
_SHUT = 0.5  # a blink score from which lids hide so much of an iris that its place is a guess
_FEWEST = 3  # frames that a correlation is made of


class Agreement(NamedTuple):
    """How a signal follows its driver."""

    correlation: float | None  # Pearson's; None where the driver holds still
    difference: float  # mean absolute


def redetection(renders: np.ndarray, frames: np.ndarray) -> dict[str, float]:
    """Agreement of renders (N, H, W, 3) with their drivers (N, H', W', 3), both uint8.

    Returns `face_found`, the share of renders with a face among frames with one, and the correlation with the driver
    and the mean absolute difference of `mouth_opening` (in distances between the outer eye corners), `yaw` (degrees),
    `blink` (0 to 1), and `gaze_across` and `gaze_down` (in widths of an eye, over frames in which both have their eyes
    open). A correlation is left out where the driver holds still.
    """
    seen, driver = detect_faces(renders), detect_faces(frames)
    both = seen.found & driver.found
    figures = {"face_found": float(both.sum() / max(driver.found.sum(), 1))}
    for name, (signal, still) in _SIGNALS.items():
        agreed = agreement(signal(seen[both]), signal(driver[both]), still=still)
        if agreed is None:
            continue
        if agreed.correlation is not None:
            figures[f"{name}_correlation"] = agreed.correlation
        figures[f"{name}_difference"] = agreed.difference
    return figures


def agreement(signal: np.ndarray, driver: np.ndarray, *, still: float = 0.0) -> Agreement | None:
    """Of a signal (N,) with its driver (N,); NaNs are left out, and fewer than three pairs say nothing: None.

    Args:
        signal: measured on renders.
        driver: the same measured on the frames that drove them.
        still: the driver's standard deviation up to which it holds still.
    """
    known = np.isfinite(signal) & np.isfinite(driver)
    if known.sum() < _FEWEST:
        return None
    mine, theirs = signal[known], driver[known]
    moves = theirs.std() > still and mine.std() > 0.0
    correlation = float(np.corrcoef(mine, theirs)[0, 1]) if moves else None
    return Agreement(correlation, float(np.abs(mine - theirs).mean()))


def mouth_opening(faces: FaceDetections) -> np.ndarray:
    """(N,) distance between the inner lips over the distance between the outer eye corners."""
    upper, lower = (faces.landmarks[:, index, :2] for index in _INNER_LIPS)
    return np.linalg.norm(upper - lower, axis=1) / eye_distance(faces.landmarks)


def yaw_degrees(faces: FaceDetections) -> np.ndarray:
    """(N,) turn of the head about its vertical axis."""
    return np.degrees(np.arctan2(faces.poses[:, 0, 2], faces.poses[:, 2, 2]))


def blink(faces: FaceDetections) -> np.ndarray:
    """(N,) mean of MediaPipe's two blink scores."""
    return 0.5 * (faces.score("eyeBlinkLeft") + faces.score("eyeBlinkRight"))


def gaze(faces: FaceDetections) -> np.ndarray:
    """(N, 2) where the irises are between the corners of their eyes, mean of both eyes; NaN where the eyes are shut.

    In widths of the eye in the picture, from the middle of the corners: across towards the picture's right, and down,
    at right angles to the line through the corners.
    """
    places = np.mean([_iris_place(faces.landmarks, eye) for eye in _EYES], axis=0)
    return np.where(blink(faces)[:, None] < _SHUT, places, np.nan)


def gaze_across(faces: FaceDetections) -> np.ndarray:
    """(N,) the first of `gaze`."""
    return gaze(faces)[:, 0]


def gaze_down(faces: FaceDetections) -> np.ndarray:
    """(N,) the second of `gaze`."""
    return gaze(faces)[:, 1]


def _iris_place(landmarks: np.ndarray, eye: tuple[int, int, int]) -> np.ndarray:
    """(N, 2) of one eye: its corner on the picture's left, the one on its right, its iris."""
    start, end, iris = (landmarks[:, index, :2].astype(np.float64) for index in eye)
    along = end - start
    down = np.stack([-along[:, 1], along[:, 0]], axis=1)
    offset = iris - 0.5 * (start + end)
    return np.stack([(offset * axis).sum(axis=1) for axis in (along, down)], axis=1) / np.square(along).sum(
        axis=1, keepdims=True
    )


_EYES = ((RIGHT_EYE_OUTER, _RIGHT_EYE_INNER, RIGHT_IRIS), (_LEFT_EYE_INNER, LEFT_EYE_OUTER, LEFT_IRIS))
# With the standard deviation up to which the driver holds still: a correlation would be that of the detector's noise.
_SIGNALS = {
    "mouth_opening": (mouth_opening, 0.01),
    "yaw": (yaw_degrees, 0.5),
    "blink": (blink, 0.02),
    "gaze_across": (gaze_across, 0.015),
    "gaze_down": (gaze_down, 0.015),
}
