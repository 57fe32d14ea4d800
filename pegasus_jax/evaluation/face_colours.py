"""Has an edit changed the colours of the face around it? Histograms of the middle of the face; needs no weights.

The middle lies between eyes, mouth and chin, where hair seldom hangs; the edited part is left out of it. A histogram
says nothing of where a colour is: it tells another complexion and another light, not another person.
"""

import cv2
import numpy as np

from pegasus_jax.capture import FaceDetections
from pegasus_jax.capture.parts import LEFT_EYE, OUTER_LIPS, PART_NAMES, RIGHT_EYE, part_masks

_MIDDLE = (*LEFT_EYE, *RIGHT_EYE, *OUTER_LIPS, 175, 199, 200)  # the last three are of the chin
_BINS = 8  # of each channel


def face_colours(images: np.ndarray, faces: FaceDetections, *, part: str | None = None) -> np.ndarray:
    """Histogram (8, 8, 8) by red, green and blue of the middle of faces, in all pictures together; its sum is 1.

    NaN if there is no face.

    Args:
        images: (N, H, W, 3) in [0, 1].
        faces: what was found in them.
        part: what was edited; where facial landmarks tell it, its pixels are left out.
    """
    counted = np.zeros((_BINS, _BINS, _BINS))
    for image, landmarks in zip(images[faces.found], faces.landmarks[faces.found]):
        bins = np.minimum(
            (_BINS * np.clip(image[_middle(landmarks, image.shape[:2], part)], 0, 1)).astype(int), _BINS - 1
        )
        np.add.at(counted, tuple(bins.T), 1.0)
    return counted / counted.sum() if counted.any() else np.full_like(counted, np.nan)


def colour_similarity(colours: np.ndarray, reference: np.ndarray) -> float:
    """Intersection of two histograms whose sums are 1: 1 where they are the same, 0 where they share no colour.

    Swain and Ballard 1991, *Color indexing*.
    """
    return float(np.minimum(colours, reference).sum())


def _middle(landmarks: np.ndarray, size: tuple[int, int], part: str | None) -> np.ndarray:
    """(H, W) bool."""
    hull = cv2.convexHull(np.round(landmarks[[*_MIDDLE], :2]).astype(np.int32))
    middle = cv2.fillConvexPoly(np.zeros(size, np.uint8), hull, 1) > 0
    if part in PART_NAMES:
        middle &= part_masks(landmarks, np.zeros(size))[part] == 0
    return middle
