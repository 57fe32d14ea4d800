"""A first guess at a clip's track: each frame's head rigidly placed by MediaPipe's 3D landmarks."""

import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.face_landmarks import FaceDetections
from pegasus_jax.capture.observations import LandmarkMap
from pegasus_jax.capture.track import Track
from pegasus_jax.flame.model import HeadModel

_NECK_JOINT = 1


def initial_track(head: HeadModel, points: LandmarkMap, detections: FaceDetections, side: int, focal: float) -> Track:
    """The mean head, its neck turned and moved to the landmarks (pixels of a crop of `side`); `focal` in crop sides."""
    corners = np.asarray(head.v_template)[np.asarray(head.faces)[points.embedding.faces_idx]]
    model = np.einsum("lkc,lk->lc", corners, points.embedding.bary)
    neck = np.asarray(head.J_regressor)[_NECK_JOINT] @ np.asarray(head.v_template)
    seen = detections.landmarks[:, points.indices] / side * np.array([1.0, -1.0, -1.0])
    frames = np.zeros((len(seen), columns.FRAME_SIZE))
    for row, target in zip(frames, seen):
        rotation, scale = _rigid(model, target, points.weights)
        # Weak perspective: size in the picture = focal / distance, so placement's last number is 1 / size.
        head_centre = rotation.apply(np.average(model, axis=0, weights=points.weights) - neck) + neck
        picture_centre = np.average(target[:, :2], axis=0, weights=points.weights) - np.array([0.5, -0.5])
        row[columns.NECK] = rotation.as_rotvec()
        row[columns.PLACEMENT] = [*(picture_centre / scale - head_centre[:2]), 1 / scale + head_centre[2] / focal]
    shared = np.zeros(columns.SHARED_SIZE)
    shared[columns.LOG_FOCAL] = np.log(focal)
    return Track(frames, shared)


def _rigid(model: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[Rotation, float]:
    """Rotation and scale that take `model` (L, 3) nearest to `target` (L, 3) after centring (Umeyama 1991)."""
    centred_model = model - np.average(model, axis=0, weights=weights)
    centred_target = target - np.average(target, axis=0, weights=weights)
    rotation, _ = Rotation.align_vectors(centred_target, centred_model, weights)
    turned = rotation.apply(centred_model)[:, :2]
    # MediaPipe's z is the least certain of the three, so the size comes from the picture plane alone.
    return rotation, float(
        np.sum(turned * centred_target[:, :2] * weights[:, None]) / np.sum(turned**2 * weights[:, None])
    )
