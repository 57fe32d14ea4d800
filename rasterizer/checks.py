"""Checks of what callers pass: one sentence for each mistake, then points whose every number is finite."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rasterizer.types import Scene


class Points(NamedTuple):
    """N checked points of any footprint, of one floating dtype; values may still be NaN or infinite."""

    means2d: jax.Array  # (N, 2)
    depths: jax.Array  # (N,)
    shapes: jax.Array  # (N, S)
    features: jax.Array  # (N, C)
    opacities: jax.Array  # (N,)
    alive: jax.Array  # (N,) bool


def size(image_size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) as whole numbers of at least 1."""
    try:
        height, width = (int(side) for side in image_size)
    except (TypeError, ValueError):
        raise ValueError(f"image_size must be two whole numbers (H, W); got {image_size!r}.") from None
    if height < 1 or width < 1:
        raise ValueError(f"image_size must be at least (1, 1); got {(height, width)}.")
    return height, width


def count(number: int | None, name: str) -> int | None:
    """A whole number of at least 1, or None."""
    if number is None:
        return None
    if isinstance(number, bool) or int(number) != number or number < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, or None; got {number!r}.")
    return int(number)


def radii(array: ArrayLike, num_points: int) -> jax.Array:
    """One radius for all, or one per point: (N, 1)."""
    array = jnp.asarray(array)
    if array.shape not in ((), (num_points,)):
        raise ValueError(f"radii must be one number or have shape ({num_points},), one per point; got {array.shape}.")
    return jnp.broadcast_to(array, (num_points,))[:, None]


def conics(array: ArrayLike, num_points: int) -> jax.Array:
    """(a, b, c) per point: (N, 3)."""
    array = jnp.asarray(array)
    rows("conics", array, "(a, b, c) per point", 3, count=num_points)
    return array


def rows(name: str, array: jax.Array, what: str, length: int, *, count: int | None = None) -> None:
    """Raises ValueError unless `array` has shape (count, length); count None is any. `what` explains a row."""
    if array.ndim != 2 or array.shape[1] != length or count not in (None, array.shape[0]):
        wanted = "N" if count is None else count
        raise ValueError(f"{name} must have shape ({wanted}, {length}), {what}; got {array.shape}.")


def num_points(means2d: ArrayLike) -> int:
    """N of means2d (N, 2)."""
    shape = jnp.shape(means2d)
    if len(shape) != 2 or shape[1] != 2:
        raise ValueError(f"means2d must have shape (N, 2); got {shape}.")
    return shape[0]


def points(means2d, depths, shapes: jax.Array, features, opacities, alive) -> Points:
    """All arrays of N points, in one dtype; None stands for opacity 1 and for all alive."""
    means2d, depths, features = (jnp.asarray(a) for a in (means2d, depths, features))
    n = means2d.shape[0]
    opacities = jnp.ones(n, jnp.float32) if opacities is None else jnp.asarray(opacities)
    alive = jnp.ones(n, bool) if alive is None else jnp.asarray(alive)
    for name, array in (("depths", depths), ("opacities", opacities), ("alive", alive)):
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape ({n},), one per point; got {array.shape}.")
    if features.ndim != 2 or features.shape[0] != n or features.shape[1] < 1:
        raise ValueError(f"features must have shape ({n}, C) with C >= 1; got {features.shape}.")
    if alive.dtype != bool:
        raise ValueError(f"alive must be boolean; got {alive.dtype}.")
    numbers = (means2d, depths, shapes, features, opacities)
    dtype = jnp.promote_types(jnp.float32, jnp.result_type(*numbers))
    means2d, depths, shapes, features, opacities = (a.astype(dtype) for a in numbers)
    return Points(means2d, depths, shapes, features, opacities, alive)


def finite_scene(
    points: Points, extents: jax.Array, proper: jax.Array, unit_shape: Sequence[float]
) -> tuple[Scene, jax.Array]:
    """The points with every number made finite, and how many had to be skipped for that.

    `extents` (N, 2) are the half sizes of what is drawn; points that are not `proper` (N,) are not drawn, as those
    behind the camera are not; `unit_shape` is a harmless shape for points that are skipped.
    """
    finite = jnp.isfinite(points.depths) & jnp.isfinite(points.opacities)
    for array in (points.means2d, points.shapes, points.features):
        finite &= jnp.all(jnp.isfinite(array), axis=1)
    # A backend squares extents; a shape that makes them infinite is as bad as an infinite shape.
    finite &= jnp.all(jnp.isfinite(extents * extents), axis=1) | ~proper
    ahead = points.alive & ~(points.depths <= 0)  # true for NaN, which must be counted
    drawn = ahead & finite & proper

    def kept(array, otherwise):
        # Replaced before the backend, so that neither a value nor a gradient of a skipped point can be NaN.
        mask = drawn if array.ndim == 1 else drawn[:, None]
        return jnp.where(mask, array, jnp.asarray(otherwise, array.dtype))

    scene = Scene(
        means2d=kept(points.means2d, 0),
        depths=kept(points.depths, 1),
        extents=kept(jax.lax.stop_gradient(extents), 1),
        shapes=kept(points.shapes, jnp.asarray(unit_shape)[None]),
        features=kept(points.features, 0),
        opacities=kept(points.opacities, 0),
        drawn=drawn,
    )
    return scene, jnp.sum(ahead & ~finite, dtype=jnp.int32)
