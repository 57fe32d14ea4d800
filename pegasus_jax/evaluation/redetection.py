"""Does the avatar do what its driver did? MediaPipe looks at the renders and at the frames that drove them."""

import numpy as np

from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.capture.face_landmarks import eye_distance

_INNER_LIPS = (13, 14)  # MediaPipe's points in the middle of the upper and the lower inner lip


def redetection(renders: np.ndarray, frames: np.ndarray) -> dict[str, float]:
    """Agreement of renders (N, H, W, 3) with their drivers (N, H', W', 3), both uint8.

    Returns `face_found`, the share of renders with a face among frames with one, and for `mouth_opening` (in distances
    between the outer eye corners), `yaw` (degrees) and `blink` (0 to 1) the correlation with the driver and the mean
    absolute difference. A correlation is left out where the driver holds still.
    """
    seen, driver = detect_faces(renders), detect_faces(frames)
    both = seen.found & driver.found
    figures = {"face_found": float(both.sum() / max(driver.found.sum(), 1))}
    if both.sum() < 3:
        return figures
    for name, (signal, still) in _SIGNALS.items():
        mine, theirs = signal(seen[both]), signal(driver[both])
        if theirs.std() > still and mine.std() > 0.0:
            figures[f"{name}_correlation"] = float(np.corrcoef(mine, theirs)[0, 1])
        figures[f"{name}_difference"] = float(np.abs(mine - theirs).mean())
    return figures


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


# With the standard deviation below which the driver holds still: a correlation would be that of the detector's noise.
_SIGNALS = {"mouth_opening": (mouth_opening, 0.01), "yaw": (yaw_degrees, 0.5), "blink": (blink, 0.02)}
