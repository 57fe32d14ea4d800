"""Small scalar and vector fields over points, in millimetres, from which shapes and expressions are made."""

import numpy as np

from pegasus_jax.flame.builtin import face_plan


def smoothstep(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    x = np.clip((value - low) / (np.asarray(high) - low), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def bump(points: np.ndarray, centre: tuple, size: tuple | float) -> np.ndarray:
    """A Gaussian (V,) over `points` (V, 3) with half sizes `size` along x, y, z."""
    return np.exp(-(((points - np.asarray(centre)) / np.asarray(size)) ** 2).sum(-1))


def unmirrored(points: np.ndarray) -> np.ndarray:
    """Points (V, 3) moved to the left side."""
    return np.concatenate([np.abs(points[:, :1]), points[:, 1:]], axis=-1)


def outwards(points: np.ndarray) -> np.ndarray:
    """(V, 3) of -1 or 1: turns a displacement meant for the left side into that of each point's own side."""
    factors = np.ones_like(points)
    factors[points[:, 0] < 0, 0] = -1.0
    return factors


def eye_offset(points: np.ndarray) -> np.ndarray:
    """Where points (V, 3) lie from the centre of their side's eyeball, as if on the left side."""
    return unmirrored(points) - face_plan.EYE_CENTRE


def lid_reach(points: np.ndarray) -> np.ndarray:
    """0 at the pupil, 1 where the lids end and brow and cheek begin, in the frontal plane, (V,)."""
    offset = eye_offset(points)
    width = np.where(offset[:, 0] > 0, 24.0, 19.0)
    return np.sqrt((offset[:, 0] / width) ** 2 + (offset[:, 1] / 17.0) ** 2)
