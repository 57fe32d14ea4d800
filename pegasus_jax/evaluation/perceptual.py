"""LPIPS of many pairs of pictures, where its weights are here."""

import jax
import numpy as np

from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.tables import Figure
from pegasus_jax.evaluation.weights import NotComputed


def mean_lpips(
    lpips: Lpips | NotComputed, images: np.ndarray, targets: np.ndarray, *, masks: np.ndarray | None = None
) -> Figure:
    """Mean over pairs of pictures (N, H, W, 3) in [0, 1]; of what `masks` (N, H, W) show, if anything."""
    if isinstance(lpips, NotComputed):
        return lpips
    if masks is None:
        distances = [_whole(lpips, *pair) for pair in zip(images, targets)]
    else:
        distances = [_masked(lpips, *pair) for pair in zip(images, targets, masks) if pair[2].any()]
    return float(np.mean(distances)) if distances else float("nan")


@jax.jit
def _whole(lpips: Lpips, image: jax.Array, target: jax.Array) -> jax.Array:
    return lpips(image, target)


@jax.jit
def _masked(lpips: Lpips, image: jax.Array, target: jax.Array, mask: jax.Array) -> jax.Array:
    return lpips.masked(image, target, mask)
