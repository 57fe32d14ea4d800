"""Landmark-shape identity: is it the same person, by the shape of MediaPipe's landmarks alone? Needs no weights.

Each clip's shape is the mean of its frames' 3D landmarks after turning, moving and scaling them onto each other, so
that the pose goes, and without lips, lids and brows, so that most of the expression does. It is not ArcFace and never
stands under that name: it sees proportions, not skin, hair or colour, and is as coarse as MediaPipe's depth. Between
the halves of real clips of one person it gave 0.010 to 0.029, between those of two 0.041 to 0.096 (four people;
benchmarks/landmark_shape.py). Of single frames it says little.
"""

import numpy as np

from pegasus_jax.capture import FaceDetections
from pegasus_jax.capture.face_landmarks import NUM_MESH_POINTS
from pegasus_jax.capture.parts import INNER_LIPS, LEFT_EYE, LEFT_EYEBROW, OUTER_LIPS, RIGHT_EYE, RIGHT_EYEBROW
from pegasus_jax.evaluation.similarity import fit_similarity

_MOVED = (*INNER_LIPS, *OUTER_LIPS, *LEFT_EYE, *RIGHT_EYE, *LEFT_EYEBROW, *RIGHT_EYEBROW)
_STEADY = np.setdiff1d(np.arange(NUM_MESH_POINTS), _MOVED)
_ROUNDS = 2  # of averaging and turning onto the average; a third moves no landmark by more than 2e-6


def landmark_shape_identity(faces: FaceDetections, target: FaceDetections) -> float:
    """Procrustes distance between the mean face shapes of two clips: 0 is the same shape, lower is more alike.

    The root mean squared distance of the landmarks over the root mean squared size of the face, once one shape is
    turned and scaled onto the other (Dryden and Mardia 2016, the full Procrustes distance). Symmetric.

    Raises:
        ValueError: one of the clips has no face.
    """
    shape, wanted = mean_shape(faces), mean_shape(target)
    offset = fit_similarity(shape, wanted).apply(shape) - wanted
    return float(np.sqrt(np.square(offset).sum(axis=1).mean()))


def mean_shape(faces: FaceDetections) -> np.ndarray:
    """(P, 3) the mean over the frames with a face, about its centre, of unit root mean squared size."""
    if not faces.found.any():
        raise ValueError("a face's shape needs at least one picture with a face.")
    frames = faces.landmarks[faces.found][:, _STEADY].astype(np.float64)
    shape = _normalised(frames[0])
    for _ in range(_ROUNDS):
        shape = _normalised(np.mean([fit_similarity(frame, shape).apply(frame) for frame in frames], axis=0))
    return shape


def _normalised(shape: np.ndarray) -> np.ndarray:
    centred = shape - shape.mean(axis=0)
    return centred / np.sqrt(np.square(centred).sum(axis=1).mean())
