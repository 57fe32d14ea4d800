"""Which frames can be used, and whether the clip shows enough of the head."""

import dataclasses

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS, FaceDetections

# A face may touch the border, but not by more than this share of its points.
_MAX_OUTSIDE = 0.02
# Sharpness is the gradient energy of the face at this side, relative to the clip's sharp frames.
_SHARPNESS_SIDE = 128
_MIN_SHARPNESS = 0.25
_MIN_YAW_DEGREES, _MIN_PITCH_DEGREES = 20.0, 8.0
_MIN_JAW_OPEN = 0.25
_MIN_FRAMES = 60


@dataclasses.dataclass(frozen=True)
class PoseCoverage:
    """How far the head turns; degrees between the 2nd and 98th percentile."""

    yaw: tuple[float, float]
    pitch: tuple[float, float]
    roll: tuple[float, float]


def sharpness(image: np.ndarray, landmarks: np.ndarray) -> float:
    """Gradient energy of the face in `image` (H, W, 3) uint8 at a fixed size; NaN without `landmarks` (478, 3)."""
    if np.isnan(landmarks).any():
        return float("nan")
    low = np.floor(landmarks[:, :2].min(axis=0)).astype(int).clip(0)
    high = np.ceil(landmarks[:, :2].max(axis=0)).astype(int)
    face = image[low[1] : high[1], low[0] : high[0]]
    if min(face.shape[:2]) < 2:
        return float("nan")
    grey = cv2.cvtColor(cv2.resize(face, (_SHARPNESS_SIDE,) * 2, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def drop_reasons(detections: FaceDetections, sharpness: np.ndarray, frame_size: tuple[int, int]) -> list[str]:
    """Per frame the reason why it cannot be used, or "".

    `sharpness` (F,) as from the function of that name; `frame_size` (H, W).
    """
    height, width = frame_size
    points = detections.landmarks[:, :NUM_MESH_POINTS, :2]
    with np.errstate(invalid="ignore"):
        outside = np.mean(((points < 0) | (points > np.array([width, height]))).any(axis=2), axis=1)
    known = sharpness[np.isfinite(sharpness)]
    threshold = _MIN_SHARPNESS * np.median(known) if len(known) else 0.0
    reasons = []
    for count, beyond, sharp in zip(detections.counts, outside, sharpness):
        if count == 0:
            reasons.append("no face")
        elif count > 1:
            reasons.append(f"{count} faces")
        elif beyond > _MAX_OUTSIDE:
            reasons.append("face cut by the picture's edge")
        else:
            reasons.append("" if sharp >= threshold else "blurred")
    return reasons


def head_angles(neck: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll (F, 3) in degrees of neck rotations (F, 3) axis-angle.

    Positive yaw turns to the subject's left, positive pitch looks down, positive roll tips to the subject's right.
    """
    return Rotation.from_rotvec(neck).as_euler("YXZ", degrees=True)


def pose_coverage(angles: np.ndarray) -> PoseCoverage:
    """Ranges of `angles` (F, 3) as from `head_angles`."""
    low, high = np.percentile(angles, [2, 98], axis=0)
    ranges = [(round(float(a), 1), round(float(b), 1)) for a, b in zip(low, high)]
    return PoseCoverage(*ranges)


def company_warnings(beside_others: np.ndarray) -> list[str]:
    """What to say where other faces are in the pictures (F,) bool; empty if there are none."""
    count = int(np.count_nonzero(beside_others))
    if not count:
        return []
    return [
        f"Other faces are in {count} of {len(beside_others)} frames; the largest and steadiest one was followed: for a "
        "cleaner avatar, film without other people and pictures of people in view."
    ]


def clip_warnings(angles: np.ndarray, jaw_open: np.ndarray) -> list[str]:
    """What to film in addition, one sentence each; empty for a good clip."""
    coverage, warnings = pose_coverage(angles), []
    yaw, pitch = (high - low for low, high in (coverage.yaw, coverage.pitch))
    if len(angles) < _MIN_FRAMES:
        warnings.append(f"Only {len(angles)} usable frames: film at least ten seconds.")
    if yaw < _MIN_YAW_DEGREES:
        warnings.append(
            f"The head turns by only {yaw:.0f}° from side to side: film yourself slowly turning left and right, "
            "about 30° each way; otherwise the avatar's sides are guesswork."
        )
    if pitch < _MIN_PITCH_DEGREES:
        warnings.append(f"The head nods by only {pitch:.0f}°: film yourself slowly looking up and down.")
    if np.max(jaw_open) < _MIN_JAW_OPEN:
        warnings.append("The mouth never opens: film yourself speaking and opening the mouth wide.")
    return warnings
