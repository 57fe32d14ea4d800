"""Masks as (H, W) bool, grown and cleaned the same way in all directions.

Distances are shares of the picture's height, so that a rule means the same at any resolution. (The published code grows
by one pixel downwards where it means five all around: spec section 11.2.)
"""

import cv2
import numpy as np


def pixels(share: float, height: int) -> int:
    """A distance in whole pixels, at least one."""
    return max(1, round(share * height))


def grow(mask: np.ndarray, distance: int) -> np.ndarray:
    """All that lies within `distance` pixels of the mask."""
    return _morph(cv2.MORPH_DILATE, mask, distance)


def clean(mask: np.ndarray, distance: int) -> np.ndarray:
    """Without specks narrower than twice the distance: opened, erosion before dilation."""
    return _morph(cv2.MORPH_OPEN, mask, distance)


def box(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around a mask that is not empty."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)


def soft_edge(mask: np.ndarray, width: int) -> np.ndarray:
    """(H, W) float32: 1 inside the mask, falling to 0 over `width` pixels outside it."""
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return np.clip(1.0 - distance / max(width, 1), 0.0, 1.0).astype(np.float32)


def _morph(operation: int, mask: np.ndarray, distance: int) -> np.ndarray:
    # OpenCV's own ellipses are not discs, and differ between its versions.
    offset = np.arange(-distance, distance + 1)
    disc = (offset[:, None] ** 2 + offset[None, :] ** 2 <= (distance + 0.5) ** 2).astype(np.uint8)
    return cv2.morphologyEx(mask.astype(np.uint8), operation, disc) > 0
