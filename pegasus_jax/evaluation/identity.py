"""Is it still the same person? Similarity of faces by an embedding that the user names.

The embedding is any function from crops (N, 112, 112, 3) in [0, 1] to (N, D), such as an ArcFace network as ONNX.
Embeddings are of unit length; rows of pictures without a face are NaN and are left out of every mean.
"""

from collections.abc import Callable

import cv2
import numpy as np

from pegasus_jax.capture.face_landmarks import FaceDetections
from pegasus_jax.evaluation.similarity import fit_similarity

Embedding = Callable[[np.ndarray], np.ndarray]

CROP_SIDE = 112  # pixels
# Where ArcFace networks are trained to find both eyes, the tip of the nose and the corners of the mouth: x, y of the
# crop, the eye and the corner on the picture's left first (Deng et al. 2019, the insightface project's template).
CROP_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
# MediaPipe's: an eye is the middle of its two corners, which gaze does not move.
_RIGHT_EYE, _LEFT_EYE, _NOSE_TIP, _RIGHT_MOUTH, _LEFT_MOUTH = (33, 133), (362, 263), (1,), (61,), (291,)
_FIVE_POINTS = (_RIGHT_EYE, _LEFT_EYE, _NOSE_TIP, _RIGHT_MOUTH, _LEFT_MOUTH)


def embed_faces(images: np.ndarray, faces: FaceDetections, embedding: Embedding) -> np.ndarray:
    """(N, D) unit embeddings of the faces found in `images` (N, H, W, 3) uint8; NaN where there is none.

    Raises:
        ValueError: the detections are not those of the pictures, or no picture has a face.
    """
    if len(images) != len(faces.counts) or not faces.found.any():
        raise ValueError(
            f"{len(images)} pictures have {len(faces.counts)} detections, {faces.found.sum()} with a face."
        )
    crops = np.stack([aligned_crop(images[row], faces.landmarks[row]) for row in np.flatnonzero(faces.found)])
    vectors = np.asarray(embedding(crops), np.float64)
    embedded = np.full((len(images), vectors.shape[1]), np.nan)
    embedded[faces.found] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return embedded


def aligned_crop(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(112, 112, 3) float32 in [0, 1]: a picture (H, W, 3) uint8 turned and scaled to `CROP_POINTS`; white beyond it.

    `landmarks` (478, 2 or more) are MediaPipe's, in pixels from the picture's corner.
    """
    points = np.stack([landmarks[list(indices), :2].mean(axis=0) for indices in _FIVE_POINTS])
    # OpenCV's coordinates and the template's count from the middle of the first pixel.
    fitted = fit_similarity(points - 0.5, CROP_POINTS)
    matrix = np.column_stack([fitted.scale * fitted.rotation, fitted.translation])
    crop = cv2.warpAffine(image, matrix, (CROP_SIDE, CROP_SIDE), flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return crop.astype(np.float32) / 255


def identity_similarity(embeddings: np.ndarray, target: np.ndarray) -> float:
    """Mean cosine of paired unit embeddings (N, D), such as an edited and the unedited render of one pose."""
    return _mean((embeddings * target).sum(axis=1))


def tl_id(embeddings: np.ndarray, *, unedited: np.ndarray | None = None) -> float:
    """Temporally local identity: mean cosine of adjacent frames' embeddings (F, D).

    Tzaban et al. 2022 ("Stitch it in time") divide by the same figure of the `unedited` video (F, D), so that 1 means
    as consistent as the original. PEGASUS does not say whether it does; without `unedited` nothing is divided.
    """
    return _relative(_adjacent, embeddings, unedited)


def tg_id(embeddings: np.ndarray, *, unedited: np.ndarray | None = None) -> float:
    """Temporally global identity: as `tl_id`, over all pairs of two different frames."""
    return _relative(_all_pairs, embeddings, unedited)


def _relative(measure: Callable[[np.ndarray], float], embeddings: np.ndarray, unedited: np.ndarray | None) -> float:
    return measure(embeddings) / (1.0 if unedited is None else measure(unedited))


def _adjacent(embeddings: np.ndarray) -> float:
    return _mean((embeddings[1:] * embeddings[:-1]).sum(axis=1))


def _all_pairs(embeddings: np.ndarray) -> float:
    return _mean((embeddings @ embeddings.T)[np.triu_indices(len(embeddings), k=1)])


def _mean(cosines: np.ndarray) -> float:
    """NaN if no pair has two faces."""
    known = cosines[np.isfinite(cosines)]
    return float(known.mean()) if known.size else float("nan")
