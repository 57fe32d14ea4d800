"""What a capture leaves behind besides pictures: the frames' parameters and capture.json."""

import importlib.metadata
from typing import Any

import numpy as np

from pegasus_jax.capture.accuracy import Accuracy
from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS, FaceDetections
from pegasus_jax.capture.landmark_term import landmark_points, project_clip
from pegasus_jax.capture.model_files import URLS, find_model
from pegasus_jax.capture.observations import LandmarkMap
from pegasus_jax.capture.track import Track
from pegasus_jax.data import FrameParams
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.untrusted import files

_VERSIONED = ("pegasus-jax", "mediapipe", "jax", "opencv-python", "av")


def frame_params(head: HeadModel, detections: FaceDetections, track: Track, *, side: int) -> list[FrameParams]:
    """IMAvatar's record of each frame, numbered from 1; `detections` in pixels of a crop of `side`."""
    mapped = LandmarkMap(head.lmk68, np.arange(68), np.ones(68), head.iris)
    projected = project_clip(landmark_points(head, mapped), track) * 2 - 1
    # IMAvatar's keypoints end with the two iris centres: the subject's right one is MediaPipe's first.
    kept = [*range(68)] + ([68, 73] if head.iris is not None else [])
    mesh = detections.landmarks[:, :NUM_MESH_POINTS, :2] / side * 2 - 1
    boxes = np.concatenate([mesh.min(axis=1), mesh.max(axis=1)], axis=1)
    return [
        FrameParams(row + 1, world_mat, expression, pose, box, keypoints)
        for row, (world_mat, expression, pose, box, keypoints) in enumerate(
            zip(track.world_mat, track.expression, track.pose, boxes, projected[:, kept])
        )
    ]


def per_frame(
    indices: np.ndarray, times: np.ndarray, sharpness: np.ndarray, measured: Accuracy
) -> list[dict[str, Any]]:
    """One entry per frame: where it came from, and how good it is."""
    iris = [None] * len(indices) if measured.iris is None else np.round(measured.iris, 3).tolist()
    return [
        {
            "number": row + 1,
            "source_frame": int(index),
            "time": round(float(time), 4),
            "reprojection_percent": round(float(error), 3),
            "iris_percent": gaze,
            "sharpness": round(float(sharp), 1),
        }
        for row, (index, time, sharp, error, gaze) in enumerate(
            zip(indices, times, sharpness, measured.reprojection, iris)
        )
    ]


def provenance(head: HeadModel) -> dict[str, Any]:
    """The head model, MediaPipe's model files and the libraries that a capture was made with."""
    return {
        "head": {"name": head.name, "sha256": head.sha256},
        "models": {name: files.sha256(find_model(name)) for name in sorted(URLS)},
        "versions": {name: _version(name) for name in _VERSIONED},
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
