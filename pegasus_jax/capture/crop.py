"""One fixed square head crop for a whole clip."""

import dataclasses

import cv2
import numpy as np

from pegasus_jax.errors import UserError

# Room around the face mesh (hairline to chin), in its heights: (beside, above) and (beside, below).
_WISHED_ROOM = (np.array([0.55, 0.55]), np.array([0.55, 0.45]))
_LEAST_ROOM = (np.array([0.1, 0.2]), np.array([0.1, 0.0]))


@dataclasses.dataclass(frozen=True)
class Crop:
    """A square of the source picture: left and top edge and side, in source pixels."""

    left: int
    top: int
    side: int

    def apply(self, image: np.ndarray, size: int, *, fill: int | float) -> np.ndarray:
        """The crop of `image` (H, W[, C]) at `size` x `size`; what lies beyond the picture gets the value `fill`."""
        height, width = image.shape[:2]
        before = np.maximum([-self.top, -self.left], 0)
        after = np.maximum([self.top + self.side - height, self.left + self.side - width], 0)
        inside = image[max(self.top, 0) : self.top + self.side, max(self.left, 0) : self.left + self.side]
        margins = [(before[0], after[0]), (before[1], after[1])] + [(0, 0)] * (image.ndim - 2)
        padded = np.pad(inside, margins, constant_values=fill)
        interpolation = cv2.INTER_AREA if size < self.side else cv2.INTER_CUBIC
        return padded if size == self.side else cv2.resize(padded, (size, size), interpolation=interpolation)

    def to_crop(self, points: np.ndarray, size: int) -> np.ndarray:
        """Landmarks (*, 2 or 3) in source pixels -> pixels of the crop at `size`; a third column (z) is only scaled."""
        origin = np.array([self.left, self.top, 0.0], np.float32)[: points.shape[-1]]
        return ((points - origin) * (size / self.side)).astype(np.float32)

    def inside(self, frame_size: tuple[int, int]) -> np.ndarray:
        """(side, side) uint8: 255 where the crop shows the picture of `frame_size` (H, W), 0 beyond it."""
        return self.apply(np.full(frame_size, 255, np.uint8), self.side, fill=0)


def head_crop(landmarks: np.ndarray, frame_size: tuple[int, int]) -> Crop:
    """The square that holds the head in every frame.

    Args:
        landmarks: (F, L, 2 or more) pixels; frames without a face are NaN and ignored.
        frame_size: (H, W) of the source pictures.

    The square keeps within the picture unless that would cut the head itself, since padding leaves a visible edge.
    It is never larger than the picture's longer side, beyond which there is nothing to win.

    Raises:
        UserError: no frame has a face.
    """
    points = landmarks[~np.isnan(landmarks[:, 0, 0])][..., :2]
    if not len(points):
        raise UserError("No face was found in any picture: film one face, upright, well lit and not too far away.")
    wished, least = (_bounds(points, room) for room in (_WISHED_ROOM, _LEAST_ROOM))
    side = float(np.max(wished[1] - wished[0]))
    if side > min(frame_size):
        side = min(max(min(frame_size), float(np.max(least[1] - least[0]))), max(frame_size))
    side = round(side)
    centre = (wished[0] + wished[1]) / 2
    left, top = (_place(centre[axis], side, frame_size[1 - axis]) for axis in (0, 1))
    return Crop(left, top, side)


def _bounds(points: np.ndarray, room: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corner, pixels, of the faces `points` (F, L, 2) with `room` around them."""
    face_height = float(np.median(np.ptp(points[..., 1], axis=1)))
    # Percentiles, because a single wild detection must not blow up the crop.
    low = np.percentile(points.min(axis=1), 1, axis=0) - face_height * room[0]
    high = np.percentile(points.max(axis=1), 99, axis=0) + face_height * room[1]
    return low, high


def _place(centre: float, side: int, extent: int) -> int:
    """Left or top edge: within the picture, or around it where the crop is larger."""
    slack = extent - side
    return int(np.clip(round(centre - side / 2), min(0, slack), max(0, slack)))
