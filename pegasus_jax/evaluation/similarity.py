"""The similarity transform between two sets of points: Umeyama 1991."""

from typing import NamedTuple

import numpy as np


class Similarity(NamedTuple):
    """x -> scale * rotation @ x + translation."""

    scale: float
    rotation: np.ndarray  # (D, D), a proper rotation
    translation: np.ndarray  # (D,)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """`points` (*, D), moved."""
        return self.scale * points @ self.rotation.T + self.translation


def fit_similarity(source: np.ndarray, target: np.ndarray) -> Similarity:
    """Least squares: what takes `source` (P, D) nearest to `target` (P, D), without a reflection."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    left, stretch, right = np.linalg.svd((target - target_mean).T @ centred)
    signs = np.ones(source.shape[1])
    signs[-1] = np.sign(np.linalg.det(left) * np.linalg.det(right))
    rotation = (left * signs) @ right
    scale = float(signs @ stretch / np.square(centred).sum())
    return Similarity(scale, rotation, target_mean - scale * rotation @ source_mean)
