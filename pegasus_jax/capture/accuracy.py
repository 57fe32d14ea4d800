"""How well a track explains the landmarks: figures that stand in capture.json."""

import dataclasses

import numpy as np

from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS, FaceDetections, eye_distance
from pegasus_jax.capture.landmark_term import landmark_points, project_clip
from pegasus_jax.capture.observations import landmark_map
from pegasus_jax.capture.track import Track
from pegasus_jax.flame.model import HeadModel

_IRIS_CENTRES = (0, 5)  # of the ten iris points
_STILL_WINDOW = 2  # frames to each side
_STILL_MOTION = 0.01  # in eye distances over the window


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Errors in percent of the distance between the outer eye corners."""

    reprojection: np.ndarray  # (F,) mean over the head's landmarks
    iris: np.ndarray | None  # (F,) mean over both iris centres; None where the head has no irises
    jitter: float | None  # mean second difference of the fitted points on still passages; None without such
    detector_jitter: float | None  # the same of MediaPipe's own points


def accuracy(head: HeadModel, detections: FaceDetections, track: Track, *, side: int) -> Accuracy:
    """Compares `track` with `detections` (F frames with a face) in pixels of a crop of `side`."""
    points = landmark_map(head)
    projected = project_clip(landmark_points(head, points), track) * side
    fitted, iris = projected[:, : len(points.indices)], projected[:, len(points.indices) :]
    seen = detections.landmarks[:, points.indices, :2]
    unit = eye_distance(detections.landmarks)
    iris_seen = detections.landmarks[:, NUM_MESH_POINTS:, :2]
    still = _still_frames(seen, unit)
    return Accuracy(
        reprojection=_percent(fitted, seen, unit),
        iris=_percent(iris[:, _IRIS_CENTRES], iris_seen[:, _IRIS_CENTRES], unit) if points.iris is not None else None,
        jitter=_jitter(fitted, unit, still),
        detector_jitter=_jitter(seen, unit, still),
    )


def _percent(points: np.ndarray, seen: np.ndarray, unit: np.ndarray) -> np.ndarray:
    return 100 * np.linalg.norm(points - seen, axis=-1).mean(axis=1) / unit


def _still_frames(seen: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Frames around which no part of the face moves: means of two windows differ by less than `_STILL_MOTION`."""
    w = _STILL_WINDOW
    frames = range(w, len(seen) - w)
    before = np.array([seen[f - w : f].mean(axis=0) for f in frames]).reshape(-1, *seen.shape[1:])
    after = np.array([seen[f + 1 : f + 1 + w].mean(axis=0) for f in frames]).reshape(-1, *seen.shape[1:])
    motion = np.percentile(np.linalg.norm(after - before, axis=-1), 90, axis=1) if len(before) else np.zeros(0)
    return np.array([*frames], int)[motion < _STILL_MOTION * unit[w : len(unit) - w]]


def _jitter(points: np.ndarray, unit: np.ndarray, still: np.ndarray) -> float | None:
    if not len(still):
        return None
    second = points[still - 1] - 2 * points[still] + points[still + 1]
    return float(100 * np.mean(np.linalg.norm(second, axis=-1).mean(axis=1) / unit[still]))
