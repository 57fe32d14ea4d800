"""What a figure has to beat: pictures that need no avatar at all.

Talking heads hardly move, so that a still photo scores well. Beside each figure of an avatar stand those of
the mean training image, of the training frame nearest by pose and expression, and of the best single colour.
Images are (N, H, W, 3) float in [0, 1].
"""

from collections.abc import Sequence

import numpy as np

from pegasus_jax.errors import UserError


def mean_image(images: np.ndarray) -> np.ndarray:
    """The mean of `images` (N, H, W, 3): of all still pictures the one nearest to them in squared error."""
    if images.ndim != 4 or not len(images):
        raise UserError(f"a mean image needs pictures (N, H, W, 3); got {images.shape}.")
    return images.mean(axis=0, dtype=np.float64).astype(np.float32)


def best_constant(images: np.ndarray) -> np.ndarray:
    """The single colour nearest to `images` (N, H, W, 3) in squared error, as a picture (H, W, 3)."""
    still = mean_image(images)
    return np.broadcast_to(still.mean(axis=(0, 1)), still.shape).astype(np.float32)


def nearest_frames(train: Sequence[np.ndarray], test: Sequence[np.ndarray]) -> np.ndarray:
    """For each test frame, the index of the training frame most like it.

    Each number is divided by its standard deviation over the training frames; numbers that do not vary there
    are left out. Squared distances are averaged within a kind and summed over the kinds, so that 50
    expression coefficients do not drown the pose.

    Args:
        train: one array (N, D) per kind of parameter, such as pose (N, 15) and expression (N, 50).
        test: the same kinds, (M, D) each.

    Returns:
        (M,) int64; ties go to the earlier frame.

    Raises:
        ValueError: the kinds do not match.
    """
    if len(train) != len(test) or any(a.shape[1:] != b.shape[1:] for a, b in zip(train, test)):
        shapes = [[array.shape for array in side] for side in (train, test)]
        raise ValueError(f"train and test must hold the same kinds of parameters; got {shapes[0]}, {shapes[1]}.")
    return np.argmin(sum(_squared_distances(a, b) for a, b in zip(train, test)), axis=1)


def _squared_distances(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(M, N): mean squared standardised difference of one kind of parameter."""
    train, test = train.astype(np.float64), test.astype(np.float64)
    spread = train.std(axis=0)
    varies = spread > 1e-6 * np.maximum(np.abs(train).max(axis=0), 1e-6)
    if not varies.any():
        return np.zeros((len(test), len(train)))
    train, test = train[:, varies] / spread[varies], test[:, varies] / spread[varies]
    squares = np.square(test).sum(axis=1)[:, None] + np.square(train).sum(axis=1)[None]
    return np.maximum(squares - 2 * test @ train.T, 0.0) / varies.sum()
