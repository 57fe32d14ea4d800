"""Do pictures tremble where the camera's do not? Second differences over time, which even motion leaves out.

Of three frames that follow each other, |before - 2 now + after|. The camera's own noise, and how unevenly a person
moves, are in the frames as well: figures are over theirs, so that 1 is as steady as the clip, above flickers, and a
still is at 0.
"""

import numpy as np

from pegasus_jax.capture import FaceDetections
from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS, eye_distance

_CHIN = 152  # MediaPipe's lowest point of the face
_STILL = 0.01  # mean landmark step between frames, in distances between the eyes' outer corners: above it a face moves


def flicker_ratio(images: np.ndarray, filmed: np.ndarray, masks: np.ndarray) -> float:
    """Mean second difference of images (N, H, W, 3) over that of the frames that drove them, inside masks (N, H, W).

    A pixel counts where three masks in a row show it. NaN where none does, or where the frames hold perfectly still.
    """
    shown = (masks[:-2] & masks[1:-1] & masks[2:])[..., None]
    trembling, own = (float((_second_differences(pictures) * shown).sum()) for pictures in (images, filmed))
    return trembling / own if own > 0 else float("nan")


def shoulder_masks(mattes: np.ndarray, hair: np.ndarray, faces: FaceDetections) -> np.ndarray:
    """(N, H, W) bool: the person (matte (N, H, W) above 0.5) below the chin, without hair (N, H, W) bool.

    Nothing in pictures without a face.
    """
    row = np.arange(mattes.shape[1]) + 0.5
    below = row[None, :] > np.where(faces.found, faces.landmarks[:, _CHIN, 1], np.inf)[:, None]
    return (mattes > 0.5) & ~hair & below[..., None]


def landmark_jitter(faces: FaceDetections, driver: FaceDetections) -> dict[str, float]:
    """How landmarks tremble where the driver's face holds still, over how the driver's own do.

    Returns `still_frames`, how many frames with both neighbours that is, and where there is one `jitter`, the mean
    second difference of the mesh's landmarks in distances between the eyes' outer corners, and `jitter_ratio`.
    """
    places = driver.landmarks[:, :NUM_MESH_POINTS, :2] / eye_distance(driver.landmarks)[:, None, None]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).mean(axis=1)
    still = (steps[:-1] < _STILL) & (steps[1:] < _STILL)  # NaN, no face, is not still
    mine, own = (_landmark_differences(one) for one in (faces, driver))
    known = still & np.isfinite(mine)
    if not known.any():
        return {"still_frames": 0}
    jitter = float(mine[known].mean())
    return {"still_frames": int(known.sum()), "jitter": jitter, "jitter_ratio": jitter / float(own[known].mean())}


def _landmark_differences(faces: FaceDetections) -> np.ndarray:
    """(N - 2,): the mean over landmarks."""
    trembling = np.linalg.norm(np.diff(faces.landmarks[:, :NUM_MESH_POINTS, :2], n=2, axis=0), axis=-1).mean(axis=1)
    return trembling / eye_distance(faces.landmarks)[1:-1]


def _second_differences(pictures: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(pictures.astype(np.float64), n=2, axis=0))
