"""Masks of facial parts: polygons of the face-mesh landmarks, and hair from its matte."""

import cv2
import numpy as np

# Closed polygons of MediaPipe's face mesh; right is the subject's right.
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYEBROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_EYEBROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
# The outline of a nose is the hull of its points: bridge, wings, base.
_NOSE = (168, 6, 122, 351, 196, 419, 174, 399, 198, 420, 49, 279, 48, 278, 64, 294, 98, 327, 97, 326, 2, 94, 4, 1)

PART_NAMES = ("eyebrows", "eyes", "hair", "lips", "mouth", "nose")

# Margins in outer-eye-corner distances: lids and lashes belong to the eyes, soft skin edges to brows and mouth.
_EYE_MARGIN, _BROW_MARGIN, _MOUTH_MARGIN, _NOSE_MARGIN = 0.06, 0.03, 0.04, 0.02
_SUBPIXEL_BITS = 4


def part_masks(landmarks: np.ndarray, hair: np.ndarray) -> dict[str, np.ndarray]:
    """Masks by attribute name, each (H, W) uint8 in 0…255.

    `landmarks` (478, 2 or more) are pixels of the picture that the soft `hair` matte (H, W) in [0, 1] belongs to.
    "mouth" is what the outer lips enclose with a margin; "lips" leaves out what shows between them.
    """
    points, size = landmarks[:, :2], hair.shape
    unit = float(np.linalg.norm(points[RIGHT_EYE[0]] - points[LEFT_EYE[0]]))
    lips = np.minimum(_fill(size, points[[*OUTER_LIPS]]), 255 - _fill(size, points[[*INNER_LIPS]]))
    nose = cv2.convexHull(points[[*_NOSE]].astype(np.float32))[:, 0]
    return {
        "eyebrows": _grown(size, _BROW_MARGIN * unit, points[[*RIGHT_EYEBROW]], points[[*LEFT_EYEBROW]]),
        "eyes": _grown(size, _EYE_MARGIN * unit, points[[*RIGHT_EYE]], points[[*LEFT_EYE]]),
        "hair": np.round(255 * np.clip(hair, 0, 1)).astype(np.uint8),
        "lips": lips,
        "mouth": _grown(size, _MOUTH_MARGIN * unit, points[[*OUTER_LIPS]]),
        "nose": _grown(size, _NOSE_MARGIN * unit, nose),
    }


def _fill(size: tuple[int, int], *polygons: np.ndarray) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        # OpenCV counts pixel centres as integers; ours are at +0.5.
        fixed = np.round((polygon - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return mask


def _grown(size: tuple[int, int], margin: float, *polygons: np.ndarray) -> np.ndarray:
    radius = max(1, round(margin))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(_fill(size, *polygons), disc)
