"""Closed-form matting: the person's share of every pixel at the outline, and the person's own colour there.

A segmenter's matte is as coarse as its network's picture, and pixels that it calls the person's hold the background's
colour, too. Levin, Lischinski and Weiss, "A closed-form solution to natural image matting" (2008), solves for the share
between what is surely the person and what is surely not; Germer et al., "Fast multi-level foreground estimation"
(2020), for the colours. Both are PyMatting's.
"""

import cv2
import numpy as np
import pymatting

_SIDE = 384  # pixels at most that the matte is solved for
_SURE, _SURELY_NOT = 0.9, 0.05  # of the coarse matte
# How far sure pixels lie from others, in sides of the picture: hair leaves a segmenter's outline by more than skin.
_INWARDS, _OUTWARDS = 4 / 384, 12 / 384
_BLACK, _WHITE = 0.04, 0.96  # the solution's noise becomes exactly 0 and 1
_FAINT = 0.2  # share of the person below which a pixel keeps more and more of what was filmed: it is nearly background


def solve_matte(image: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Returns the matte (H, W) float32 in [0, 1] of `image` (H, W, 3) uint8, from a `coarse` one of a segmenter.

    Where the coarse one leaves nothing sure, or nothing open, it is returned as it is.
    """
    scale = min(1.0, _SIDE / max(coarse.shape))
    size = tuple(max(1, round(scale * side)) for side in coarse.shape[::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    trimap = _trimap(cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_AREA))
    if len(np.unique(trimap)) < 3:
        return coarse.astype(np.float32)
    solved = pymatting.estimate_alpha_cf(small / 255.0, trimap)
    full = cv2.resize(solved, coarse.shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.clip((full - _BLACK) / (_WHITE - _BLACK), 0, 1)


def estimate_foreground(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Returns `image` (H, W, 3) uint8 with the person's own colours where `matte` (H, W) is between 0 and 1."""
    mixed = (matte > 0) & (matte < 1)
    if not mixed.any():
        return image
    colours = pymatting.estimate_foreground_ml(image / 255.0, matte.astype(np.float64))
    share = np.where(mixed, np.minimum(1.0, matte / _FAINT), 0.0)[..., None]
    return np.round(share * 255 * np.clip(colours, 0, 1) + (1.0 - share) * image).astype(np.uint8)


def _trimap(coarse: np.ndarray) -> np.ndarray:
    """1 where the person is for sure, 0 where surely not, .5 between."""

    def shrink(mask: np.ndarray, share: float) -> np.ndarray:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(share * max(coarse.shape)) + 1,) * 2)
        return cv2.erode(mask.astype(np.uint8), kernel, borderValue=1) > 0

    inside, outside = shrink(coarse > _SURE, _INWARDS), shrink(coarse < _SURELY_NOT, _OUTWARDS)
    return np.where(inside, 1.0, np.where(outside, 0.0, 0.5))
