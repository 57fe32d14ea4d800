"""Metrics without weights: pure functions of arrays, in NumPy or under `jax.jit`.

Images are (H, W, 3) or (H, W), float in [0, 1], over white as they are compared; mattes are (H, W) in [0, 1].
Decibels are relative to a peak of 1. Identical pictures have an infinite PSNR; an empty mask gives NaN.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

_SSIM_SIZE = 11  # pixels
_SSIM_SIGMA = 1.5  # pixels
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2


def l1(image: ArrayLike, target: ArrayLike) -> jax.Array:
    """Mean absolute difference."""
    image, target = as_pair(image, target)
    return jnp.abs(image - target).mean()


def mse(image: ArrayLike, target: ArrayLike) -> jax.Array:
    """Mean squared difference."""
    image, target = as_pair(image, target)
    return jnp.square(image - target).mean()


def psnr(image: ArrayLike, target: ArrayLike) -> jax.Array:
    """Peak signal-to-noise ratio in dB."""
    return _decibels(mse(image, target))


def masked_psnr(image: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """PSNR over the pixels where `mask` (H, W) is at least 0.5, in dB.

    With the matte of the target as mask this is the foreground PSNR, which white background cannot flatter.
    """
    return _decibels(_masked_mse(image, target, mask))


def masked_l2(image: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Root mean squared difference, in [0, 1], over the pixels where `mask` (H, W) is at least 0.5.

    The L2 of attribute transfer. The papers do not say on which scale theirs is, so that only its order compares.
    """
    return jnp.sqrt(_masked_mse(image, target, mask))


def box_psnr(image: ArrayLike, target: ArrayLike, boxes: ArrayLike) -> jax.Array:
    """PSNR over the union of `boxes` (B, 4), such as eyes and mouth, in dB; see `box_mask`."""
    image = jnp.asarray(image)
    return masked_psnr(image, target, box_mask(boxes, image_size=(image.shape[0], image.shape[1])))


def box_mask(boxes: ArrayLike, *, image_size: tuple[int, int]) -> jax.Array:
    """(H, W) bool: the pixels whose centres lie in any of `boxes`.

    Args:
        boxes: (B, 4) pixels: x0, y0, x1, y1; they may reach over the edge.
        image_size: (H, W).
    """
    boxes = jnp.asarray(boxes, jnp.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (B, 4): x0, y0, x1, y1; got {boxes.shape}.")
    height, width = image_size
    x, y = jnp.arange(width) + 0.5, jnp.arange(height) + 0.5
    x0, y0, x1, y1 = (boxes[:, i, None] for i in range(4))
    in_columns = (x[None] >= x0) & (x[None] < x1)  # (B, W)
    in_rows = (y[None] >= y0) & (y[None] < y1)  # (B, H)
    return (in_rows[:, :, None] & in_columns[:, None, :]).any(axis=0)


def mask_iou(matte: ArrayLike, target: ArrayLike) -> jax.Array:
    """Intersection over union of two mattes (H, W) cut at 0.5; two empty ones agree fully."""
    matte, target = as_pair(matte, target)
    inside, expected = matte >= 0.5, target >= 0.5
    union = (inside | expected).sum()
    intersection = (inside & expected).sum()
    return jnp.where(union > 0, intersection / jnp.maximum(union, 1), 1.0)


def boundary_error(matte: ArrayLike, target: ArrayLike) -> jax.Array:
    """How far apart the outlines of two mattes (H, W), cut at 0.5, lie on average, in pixels.

    A pixel is on an outline if it is inside and one of its four neighbours in the picture is not: where the picture
    cuts a person off there is no outline. The mean, over one outline's pixels, of the distance to the nearest pixel of
    the other, averaged over both directions (the average symmetric surface distance of segmentation). A matte without
    an outline, empty or full, gives NaN.
    """
    matte, target = as_pair(matte, target)
    first, second = _outline(matte >= 0.5), _outline(target >= 0.5)
    return 0.5 * (_mean_distance(first, second) + _mean_distance(second, first))


def landmark_error(landmarks: ArrayLike, target: ArrayLike, *, unit: ArrayLike) -> jax.Array:
    """Mean distance between landmarks (*, P, D) and their targets, over the points and over *; NaN if any is NaN.

    Args:
        landmarks: (*, P, D) pixels.
        target: (*, P, D) pixels.
        unit: the length in pixels that counts as 1, one number or (*,): 1 for pixels, or the target's distance between
            the outer corners of the eyes (`pegasus_jax.capture.face_landmarks.eye_distance`).
    """
    landmarks, target, unit = (jnp.asarray(array, jnp.float32) for array in (landmarks, target, unit))
    if landmarks.shape != target.shape or landmarks.ndim < 2:
        raise ValueError(f"landmarks must be two arrays (*, P, D) of one shape; got {landmarks.shape}, {target.shape}.")
    if unit.shape not in ((), landmarks.shape[:-2]):
        raise ValueError(f"unit must be one number or have shape {landmarks.shape[:-2]}; got {unit.shape}.")
    return (jnp.linalg.norm(landmarks - target, axis=-1).mean(axis=-1) / unit).mean()


def ssim(image: ArrayLike, target: ArrayLike) -> jax.Array:
    """Structural similarity: Wang et al. 2004, equation 13, mean over channels and over windows that fit.

    11×11 Gaussian window with sigma 1.5 pixels, C1 = 0.01², C2 = 0.03², population variances.
    """
    image, target = as_pair(image, target)
    if min(image.shape[:2]) < _SSIM_SIZE:
        raise ValueError(f"ssim needs at least {_SSIM_SIZE}×{_SSIM_SIZE} pixels; got {image.shape}.")
    mean_x, mean_y = _blur(image), _blur(target)
    variance_x = _blur(image * image) - mean_x * mean_x
    variance_y = _blur(target * target) - mean_y * mean_y
    covariance = _blur(image * target) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _SSIM_C1) / (mean_x**2 + mean_y**2 + _SSIM_C1)
    structure = (2 * covariance + _SSIM_C2) / (variance_x + variance_y + _SSIM_C2)
    return (luminance * structure).mean()


def sharpness(image: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Mean gradient magnitude of the image over that of the target, inside `mask` (H, W), at least 0.5.

    1 is as sharp as the target, below is softer, above is rougher: noise counts as detail. Gradients are differences of
    grey values to the pixels on the right and below; a pixel counts if all three are inside, so that the mask's own
    outline does not. NaN if the mask is too thin for that, or the target has no gradient there.
    """
    image, target = as_pair(image, target)
    inside = as_mask(mask, image) >= 0.5
    counted = inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:]
    steepness, wanted = (jnp.where(counted, _gradient_magnitude(picture), 0.0).sum() for picture in (image, target))
    return jnp.where(wanted > 0, steepness / jnp.where(wanted > 0, wanted, 1.0), jnp.nan)


def _gradient_magnitude(image: jax.Array) -> jax.Array:
    """(H - 1, W - 1), of the mean over channels."""
    grey = image.reshape(*image.shape[:2], -1).mean(axis=-1)
    across, down = grey[:-1, 1:] - grey[:-1, :-1], grey[1:, :-1] - grey[:-1, :-1]
    return jnp.sqrt(jnp.square(across) + jnp.square(down))


def _blur(image: jax.Array) -> jax.Array:
    """The Gaussian window's mean at each position where it fits: (H - 10, W - 10, ...).

    As two products with banded matrices: XLA fuses sums of shifted pictures into one 121-term loop, which took 20 times
    as long on a CPU, forward and backward.
    """
    rows, columns = (_window_matrix(length) for length in image.shape[:2])
    exact = jax.lax.Precision.HIGHEST
    return jnp.einsum("ph,hw...,qw->pq...", rows, image, columns, precision=exact)


def _window_matrix(length: int) -> np.ndarray:
    """(length - 10, length): each row holds the Gaussian window at one position."""
    offset = np.arange(_SSIM_SIZE) - _SSIM_SIZE // 2
    weights = np.exp(-0.5 * (offset / _SSIM_SIGMA) ** 2)
    matrix = np.zeros((length - _SSIM_SIZE + 1, length), np.float32)
    for row in range(len(matrix)):
        matrix[row, row : row + _SSIM_SIZE] = weights / weights.sum()
    return matrix


def _outline(inside: jax.Array) -> jax.Array:
    """(H, W) bool: pixels inside that have one of four neighbours outside; beyond the edge nothing is outside."""
    padded = jnp.pad(inside, 1, constant_values=True)
    surrounded = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~surrounded


def _mean_distance(start: jax.Array, end: jax.Array) -> jax.Array:
    """Mean over the pixels in `start` of the distance to the nearest in `end`; NaN if either is empty."""
    distance = jnp.where(start, jnp.sqrt(_squared_distance(end)), 0.0)
    return jnp.where(end.any(), distance.sum() / start.sum(), jnp.nan)


@jax.jit  # once per size, also when called outside a compiled function
def _squared_distance(chosen: jax.Array) -> jax.Array:
    """(H, W) squared distance of each pixel to the nearest chosen one, exact: along columns, then along rows."""
    height, width = chosen.shape
    rows, columns = (
        jnp.square(jnp.subtract.outer(jnp.arange(n), jnp.arange(n))).astype(jnp.float32) for n in (height, width)
    )
    along_columns = jax.lax.map(lambda column: jnp.min(jnp.where(column[None], rows, jnp.inf), axis=1), chosen.T).T
    return jax.lax.map(lambda row: jnp.min(columns + row[None], axis=1), along_columns)


def _masked_mse(image: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    image, target = as_pair(image, target)
    chosen = (as_mask(mask, image) >= 0.5).astype(image.dtype)
    per_pixel = jnp.square(image - target).reshape(*chosen.shape, -1).mean(axis=-1)
    return (per_pixel * chosen).sum() / chosen.sum()


def _decibels(mean_squared_error: jax.Array) -> jax.Array:
    return -10 * jnp.log10(mean_squared_error)


def as_pair(image: ArrayLike, target: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Both pictures as float32, once they are of one shape and hold floats."""
    image, target = jnp.asarray(image), jnp.asarray(target)
    if image.shape != target.shape:
        raise ValueError(f"the two images must have one shape; got {image.shape} and {target.shape}.")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"an image must be (H, W) or (H, W, C); got {image.shape}.")
    for array in (image, target):
        if jnp.issubdtype(array.dtype, jnp.integer):
            raise ValueError(f"metrics take floats in [0, 1]; got {array.dtype}: divide by 255 first.")
    return image.astype(jnp.float32), target.astype(jnp.float32)


def as_mask(mask: ArrayLike, image: jax.Array) -> jax.Array:
    """The mask as float32, once it is of the image's height and width and holds floats or booleans."""
    mask = jnp.asarray(mask)
    if jnp.issubdtype(mask.dtype, jnp.integer):
        raise ValueError(f"a mask takes floats in [0, 1] or booleans; got {mask.dtype}: divide by 255 first.")
    if mask.shape != image.shape[:2]:
        raise ValueError(f"mask must have shape {image.shape[:2]}; got {mask.shape}.")
    return mask.astype(jnp.float32)
