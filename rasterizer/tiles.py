"""Which points touch which tile, in order of depth, within a static capacity of (tile, point) pairs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from rasterizer.types import Scene

Shape = tuple[int, int]
"""Of a tile: rows and columns, in pixels."""

_SMALL = 1 << 17  # N * tiles up to which a capacity for the worst case costs less than asking for one
_SATURATED = 1 << 30  # pair counts stop here, well inside int32


class Bins(NamedTuple):
    """The pairs, sorted by tile and then by depth. M is the capacity, T the number of tiles in row-major order."""

    points: jax.Array  # (M,) int32: the pair's point
    starts: jax.Array  # (T + 1,) int32: where a tile's pairs start
    overflow: jax.Array  # () int32: pairs that did not fit


def grid(image_size: tuple[int, int], tile: Shape) -> tuple[int, int]:
    """Rows and columns of tiles."""
    return -(-image_size[0] // tile[0]), -(-image_size[1] // tile[1])


def known_capacity(
    half_sizes: np.ndarray | None, num_points: int, image_size: tuple[int, int], tile: Shape
) -> int | None:
    """A capacity that cannot overflow; None if `half_sizes` is None (not known) and the scene is not small.

    `half_sizes` broadcasts to (N, 2), pixels.
    """
    rows, cols = grid(image_size, tile)
    worst = num_points * rows * cols
    if half_sizes is None:
        return worst if worst <= _SMALL else None
    spans = np.floor(2 * np.nan_to_num(half_sizes, posinf=0).clip(0) / tile[::-1]) + 2
    pairs = np.prod(np.minimum(np.broadcast_to(spans, (num_points, 2)), [cols, rows]), axis=1)
    total = int(pairs.sum())
    return min(_rounded(total), worst)


def bin_points(scene: Scene, image_size: tuple[int, int], tile: Shape, capacity: int) -> Bins:
    """Lists the tiles that each point's bounding square touches."""
    rows, cols = grid(image_size, tile)
    low, high = _tile_ranges(scene, tile, rows, cols)
    # Two stable key-value sorts: XLA sorts fast on GPU only with one integer key and one payload.
    order = _stable_order(_depth_keys(scene))
    low, high = low[order], high[order]
    sides = high - low
    counts = sides[:, 0] * sides[:, 1]
    ends = lax.associative_scan(_saturating_add, counts)
    rank, within = _expand(counts, ends, capacity)
    width = jnp.maximum(sides[rank, 0], 1)
    owner = (low[rank, 1] + within // width) * cols + low[rank, 0] + within % width
    owner = jnp.where(jnp.arange(capacity, dtype=jnp.int32) < ends[-1], owner, rows * cols)
    owner, points = lax.sort((owner, order[rank]), num_keys=1, is_stable=True)
    starts = jnp.searchsorted(owner, jnp.arange(rows * cols + 1, dtype=jnp.int32)).astype(jnp.int32)
    return Bins(points, starts, jnp.maximum(ends[-1] - capacity, 0))


def _tile_ranges(scene: Scene, tile: Shape, rows: int, cols: int) -> tuple[jax.Array, jax.Array]:
    """First and past-the-last tile (column, row) of each point, (N, 2) int32 each; equal where it touches none."""
    limit = jnp.asarray([cols, rows], scene.means2d.dtype)[None]
    side = jnp.asarray(tile[::-1], scene.means2d.dtype)[None]
    low = jnp.floor((scene.means2d - scene.extents) / side)
    high = jnp.floor((scene.means2d + scene.extents) / side) + 1
    low, high = (jnp.clip(a, 0, limit).astype(jnp.int32) for a in (low, high))
    return low, jnp.where(scene.drawn[:, None], high, low)


def _depth_keys(scene: Scene) -> jax.Array:
    """Unsigned keys in the order of the (positive) depths."""
    if scene.depths.dtype == jnp.float64:
        return lax.bitcast_convert_type(scene.depths, jnp.uint64)
    return lax.bitcast_convert_type(scene.depths, jnp.uint32)


def _stable_order(keys: jax.Array) -> jax.Array:
    return lax.sort((keys, jnp.arange(keys.shape[0], dtype=jnp.int32)), num_keys=1, is_stable=True)[1]


def _saturating_add(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.minimum(a + b, _SATURATED)


def _expand(counts: jax.Array, ends: jax.Array, capacity: int) -> tuple[jax.Array, jax.Array]:
    starts = ends - counts
    index = jnp.arange(counts.shape[0], dtype=jnp.int32)
    # Of owners that start at one slot only the last has a count above zero.
    owner = lax.cummax(jnp.zeros(capacity, jnp.int32).at[starts].max(index, mode="drop"))
    return owner, jnp.arange(capacity, dtype=jnp.int32) - starts[owner]


def _rounded(count: int) -> int:
    """At most an eighth more, so that scenes of similar size share a compiled program."""
    step = max(1, 1 << max(0, count.bit_length() - 4))
    return max(1, -(-count // step) * step)


def cut(image: jax.Array, tile: Shape) -> jax.Array:
    """(H, W, C) -> (tiles, pixels of a tile, C), row by row; zero outside the image."""
    height, width, channels = image.shape
    rows, cols = grid((height, width), tile)
    image = jnp.pad(image, ((0, rows * tile[0] - height), (0, cols * tile[1] - width), (0, 0)))
    pixels = image.reshape(rows, tile[0], cols, tile[1], channels).transpose(0, 2, 1, 3, 4)
    return pixels.reshape(rows * cols, tile[0] * tile[1], channels)


def join(pixels: jax.Array, image_size: tuple[int, int], tile: Shape) -> jax.Array:
    """The inverse of `cut`."""
    (height, width), channels = image_size, pixels.shape[-1]
    rows, cols = grid(image_size, tile)
    image = pixels.reshape(rows, cols, *tile, channels).transpose(0, 2, 1, 3, 4)
    return image.reshape(rows * tile[0], cols * tile[1], channels)[:height, :width]
