"""Distances between two sets of pictures by their features: the arithmetic of FID and of KID.

Features are (N, D), from any network; only with Inception's (`pegasus_jax.evaluation.weights`) are the numbers FID and
KID. Computed in float64.
"""

from typing import NamedTuple

import numpy as np


class KernelDistance(NamedTuple):
    """KID: mean and standard deviation over the subsets, and how many pictures of each set a subset had."""

    mean: float
    std: float
    subset_size: int


def frechet_distance(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """Fréchet distance of the two Gaussians with the features' means and covariances: Heusel et al. 2017, equation 6.

    |m_a - m_b|² + tr(C_a + C_b - 2 (C_a C_b)^½). With centred features A, C_a = AᵀA, the last trace is the sum of the
    singular values of A Bᵀ, which needs no root of a nearly singular matrix. The covariances are those of N - 1. With
    fewer pictures than dimensions it is biased upwards: compare sets of one size only.

    Raises:
        ValueError: the sets' dimensions differ, or one has fewer than two pictures.
    """
    features_a, features_b = _pair(features_a, features_b)
    offset = features_a.mean(axis=0) - features_b.mean(axis=0)
    root_a, root_b = _covariance_root(features_a), _covariance_root(features_b)
    overlap = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = np.square(root_a).sum() + np.square(root_b).sum()
    return float(max(offset @ offset + spread - 2 * overlap, 0.0))


def kernel_distance(
    features_a: np.ndarray,
    features_b: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
) -> KernelDistance:
    """Squared maximum mean discrepancy under the kernel (xᵀy / D + 1)³, unbiased: Bińkowski et al. 2018.

    Args:
        features_a: (N, D).
        features_b: (M, D).
        subsets: how many pairs of random subsets, drawn without replacement, to average.
        subset_size: pictures of each; 1000, or all of the smaller set if it has fewer.
        seed: of the subsets.

    Raises:
        ValueError: the sets' dimensions differ, or a subset is larger than a set or smaller than two.
    """
    features_a, features_b = _pair(features_a, features_b)
    smaller = min(len(features_a), len(features_b))
    size = min(1000, smaller) if subset_size is None else subset_size
    if not 2 <= size <= smaller:
        raise ValueError(f"subset_size must be from 2 to {smaller}, the size of the smaller set; got {size}.")
    rng = np.random.default_rng(seed)
    values = [
        _squared_mmd(*(f[rng.choice(len(f), size, replace=False)] for f in (features_a, features_b)))
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)), size)


def _covariance_root(features: np.ndarray) -> np.ndarray:
    """R (min(N, D), D) with RᵀR the covariance."""
    centred = features - features.mean(axis=0)
    return np.asarray(np.linalg.qr(centred / np.sqrt(len(features) - 1), mode="r"))


def _squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Over pairs of different pictures within a set, and all pairs across."""
    count, dimensions = a.shape
    within = [(x @ x.T / dimensions + 1) ** 3 for x in (a, b)]
    across = (a @ b.T / dimensions + 1) ** 3
    return sum((k.sum() - np.trace(k)) / (count * (count - 1)) for k in within) - 2 * across.mean()


def _pair(features_a: np.ndarray, features_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(features_a, np.float64), np.asarray(features_b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"needs two sets of features (N, D) with one D and at least two pictures each; got {a.shape}, {b.shape}."
        )
    return a, b
