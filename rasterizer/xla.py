"""The portable backend: tiles in plain JAX, static shapes, memory O(N + H * W * C + pairs).

Tiles are handled in groups of similar length. A group advances in blocks: the next few points of each of its tiles
against all their pixels, front to back. The backward pass walks the blocks front to back once more, keeping the
transmittance at the start of each, and then back to front with the colour behind each point; so it never divides by
1 - alpha and is exact where alpha is 1.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from rasterizer import tiles
from rasterizer.constants import MIN_TRANSMITTANCE
from rasterizer.types import Composite, Scene, SceneGradients, Settings

_POINTS = 16  # per block
_GROUP = 64  # tiles; a group's state stays in a CPU's cache
_PIXELS = tiles.TILE**2


class _Work(NamedTuple):
    """The scene, its bins, and the order in which tiles are handled."""

    scene: Scene
    bins: tiles.Bins
    groups: jax.Array  # (groups, G) int32 tiles; a number past the last tile pads
    block_starts: jax.Array  # (T + 1,) int32: number of blocks before each tile's


class _Tiles(NamedTuple):
    """One group of tiles: G tiles, S pixels each."""

    starts: jax.Array  # (G,) int32: first pair
    ends: jax.Array  # (G,) int32
    block_starts: jax.Array  # (G,) int32
    centres: jax.Array  # (G, S, 2): pixel centres
    inside: jax.Array  # (G, S) bool: whether the pixel belongs to the image


class _Block(NamedTuple):
    """The next P points of each tile of a group."""

    points: jax.Array  # (G, P) int32; N where there is none
    features: jax.Array  # (G, P, C)
    opacities: jax.Array  # (G, P, 1)
    radii: jax.Array  # (G, P, 1)
    offsets: jax.Array  # (G, P, S, 2): from the point to the pixel centre
    falloff: jax.Array  # (G, P, S): 1 - |offset|^2 / radius^2
    covers: jax.Array  # (G, P, S) bool


@functools.partial(jax.jit, static_argnums=0)
def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene`."""
    # One image after another under vmap: a batched loop copies its state until its longest member is done.
    draw = jax.custom_batching.sequential_vmap(functools.partial(_draw, settings))
    return draw(scene)


@functools.partial(jax.jit, static_argnums=0)
def gradients(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    """Cotangents of the scene from those of image (H, W, C) and alpha (H, W)."""
    pull = jax.custom_batching.sequential_vmap(functools.partial(_pull, settings))
    return pull(scene, d_image, d_alpha)


def _draw(settings: Settings, scene: Scene) -> Composite:
    work = _work(settings, scene)
    n, channels = scene.features.shape
    dtype = scene.features.dtype

    def draw_group(visibility, group):
        tile = _tiles(settings, work, group)

        def body(state):
            layer, passed, seen, image, (max_weight, is_front) = state
            block = _block(work, tile, layer)
            alphas, _, first = _alphas(settings, block, seen)
            before, passed = _transmittance(passed, alphas)
            weights = alphas * before
            image = image + _einsum("gps,gpc->gsc", weights, block.features)
            max_weight = max_weight.at[block.points].max(jnp.max(weights, axis=2), mode="drop")
            is_front = is_front.at[block.points].max(jnp.any(first, axis=2), mode="drop")
            return layer + 1, passed, seen + _count(block), image, (max_weight, is_front)

        def busy(state):
            layer, passed, seen, *_ = state
            return jnp.any(_unfinished(settings, tile, layer, passed, seen))

        start = (
            jnp.int32(0),
            jnp.ones((_GROUP, _PIXELS), dtype),
            jnp.zeros((_GROUP, _PIXELS), jnp.int32),
            jnp.zeros((_GROUP, _PIXELS, channels), dtype),
            visibility,
        )
        _, passed, _, image, visibility = lax.while_loop(busy, body, start)
        return visibility, (image, 1 - passed)

    visibility = (jnp.zeros(n, dtype), jnp.zeros(n, bool))
    (max_weight, is_front), (image, alpha) = lax.scan(draw_group, visibility, work.groups)
    image = _untile(settings, work, image)
    return Composite(image, _untile(settings, work, alpha[..., None])[..., 0], max_weight, is_front, work.bins.overflow)


def _pull(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    work = _work(settings, scene)
    n, channels = scene.features.shape
    dtype = scene.features.dtype
    # A block for each full set of pairs, and one that is not full for each tile.
    num_blocks = settings.max_overlaps // _POINTS + work.bins.starts.shape[0]
    d_pixels = _retile(settings, work, jnp.concatenate([d_image, d_alpha[..., None]], axis=2))

    def pull_group(carry, xs):
        group, d_group = xs
        sums, kept = carry
        tile = _tiles(settings, work, group)
        layers, seen, kept = _transmittance_per_block(settings, work, tile, kept)

        def body(_, state):
            layer, behind, seen, sums = state
            layer = layer - 1
            block = _block(work, tile, layer)
            seen = seen - _count(block)
            alphas, kept_pixels, _ = _alphas(settings, block, seen)
            before, _ = _transmittance(kept[tile.block_starts + layer], alphas)
            shades = _einsum("gpc,gsc->gps", block.features, d_group[..., :-1]) + d_group[:, None, :, -1]
            behind_each, behind = _behind(alphas, shades, behind)
            d_alphas = jnp.where(kept_pixels, before * (shades - behind_each), 0)
            d_features = _einsum("gps,gsc->gpc", alphas * before, d_group[..., :-1])
            rows = jnp.concatenate([_shape_gradients(block, d_alphas), d_features], axis=2)
            return layer, behind, seen, sums.at[block.points].add(rows, mode="drop")

        start = (layers, jnp.zeros((_GROUP, _PIXELS), dtype), seen, sums)
        *_, sums = lax.fori_loop(0, layers, body, start)
        return (sums, kept), None

    carry = (jnp.zeros((n, 4 + channels), dtype), jnp.ones((num_blocks, _PIXELS), dtype))
    (sums, _), _ = lax.scan(pull_group, carry, (work.groups, d_pixels))
    return SceneGradients(means2d=sums[:, :2], radii=sums[:, 2], opacities=sums[:, 3], features=sums[:, 4:])


def _work(settings: Settings, scene: Scene) -> _Work:
    bins = tiles.bin_points(scene, settings.image_size, settings.max_overlaps)
    blocks = -(-jnp.diff(bins.starts) // _POINTS)
    order = jnp.argsort(-blocks)
    padding = jnp.full(-order.shape[0] % _GROUP, order.shape[0], order.dtype)
    groups = jnp.concatenate([order, padding]).astype(jnp.int32).reshape(-1, _GROUP)
    block_starts = jnp.concatenate([jnp.zeros(1, blocks.dtype), jnp.cumsum(blocks)]).astype(jnp.int32)
    return _Work(scene, bins, groups, block_starts)


def _tiles(settings: Settings, work: _Work, group: jax.Array) -> _Tiles:
    rows, cols = tiles.grid(settings.image_size)
    corner = jnp.stack([group % cols, group // cols], axis=1) * tiles.TILE
    y, x = jnp.divmod(jnp.arange(_PIXELS), tiles.TILE)
    pixels = corner[:, None] + jnp.stack([x, y], axis=1)[None]
    dtype = work.scene.means2d.dtype
    # A padding tile reads both ends from the last entry, so it has no pairs.
    starts, ends = (work.bins.starts[jnp.minimum(g, rows * cols)] for g in (group, group + 1))
    height, width = settings.image_size
    inside = (pixels[..., 0] < width) & (pixels[..., 1] < height)
    return _Tiles(starts, ends, work.block_starts[group], pixels.astype(dtype) + jnp.asarray(0.5, dtype), inside)


def _block(work: _Work, tile: _Tiles, layer: jax.Array) -> _Block:
    scene = work.scene
    slots = tile.starts[:, None] + layer * _POINTS + jnp.arange(_POINTS, dtype=jnp.int32)[None]
    valid = slots < tile.ends[:, None]
    points = work.bins.points[jnp.minimum(slots, work.bins.points.shape[0] - 1)]
    radii = scene.radii[points][..., None]
    offsets = tile.centres[:, None] - scene.means2d[points][:, :, None]
    squared = offsets[..., 0] ** 2 + offsets[..., 1] ** 2
    return _Block(
        points=jnp.where(valid, points, scene.radii.shape[0]),
        features=scene.features[points],
        opacities=scene.opacities[points][..., None],
        radii=radii,
        offsets=offsets,
        falloff=1 - squared / radii**2,
        covers=(squared < radii**2) & valid[..., None] & tile.inside[:, None],
    )


def _alphas(settings: Settings, block: _Block, seen: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(G, P, S): alpha, whether the point counts there, and whether it is the first; `seen` (G, S) precede."""
    nearer = seen[:, None] + _exclusive(jnp.cumsum(block.covers, axis=1, dtype=jnp.int32), 0)
    limit = settings.max_points_per_pixel
    kept = block.covers if limit is None else block.covers & (nearer < limit)
    return jnp.where(kept, block.opacities * block.falloff, 0), kept, block.covers & (nearer == 0)


def _count(block: _Block) -> jax.Array:
    return jnp.sum(block.covers, axis=1, dtype=jnp.int32)


def _transmittance(passed: jax.Array, alphas: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What reaches each point (G, P, S), and what passes them all (G, S)."""
    product = lax.associative_scan(jnp.multiply, 1 - alphas, axis=1) * passed[:, None]
    return jnp.concatenate([passed[:, None], product[:, :-1]], axis=1), product[:, -1]


def _exclusive(inclusive: jax.Array, first: float) -> jax.Array:
    return jnp.concatenate([jnp.full_like(inclusive[:, :1], first), inclusive[:, :-1]], axis=1)


def _unfinished(settings: Settings, tile: _Tiles, layer: jax.Array, passed: jax.Array, seen: jax.Array) -> jax.Array:
    """(G, S): whether a further block can change the pixel."""
    more = tile.inside & (tile.starts + layer * _POINTS < tile.ends)[:, None] & (passed >= MIN_TRANSMITTANCE)
    limit = settings.max_points_per_pixel
    return more if limit is None else more & (seen < limit)


def _transmittance_per_block(
    settings: Settings, work: _Work, tile: _Tiles, kept: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Walks a group front to back, writing what reaches each block into `kept` (blocks, S).

    Returns the number of blocks walked, the covering points seen in them (G, S), and `kept`. A point's gradient
    needs the colour behind it as if the point were not there, so the walk ends on the transmittance without the
    most opaque point.
    """

    def body(state):
        layer, passed, without_most, seen, kept = state
        block = _block(work, tile, layer)
        alphas, _, _ = _alphas(settings, block, seen)
        within = jnp.arange(_POINTS, dtype=jnp.int32)[None, :, None] == jnp.argmax(alphas, axis=1)[:, None]
        others = jnp.prod(jnp.where(within, 1, 1 - alphas), axis=1)
        # A tile that has no such block must not overwrite the next tile's.
        rows = jnp.where(tile.starts + layer * _POINTS < tile.ends, tile.block_starts + layer, kept.shape[0])
        kept = kept.at[rows].set(passed, mode="drop")
        product = jnp.prod(1 - alphas, axis=1)
        without_most = jnp.maximum(without_most * product, passed * others)
        return layer + 1, passed * product, without_most, seen + _count(block), kept

    def busy(state):
        layer, _, without_most, seen, _ = state
        return jnp.any(_unfinished(settings, tile, layer, without_most, seen))

    ones = jnp.ones((_GROUP, _PIXELS), kept.dtype)
    start = (jnp.int32(0), ones, ones, jnp.zeros((_GROUP, _PIXELS), jnp.int32), kept)
    layers, _, _, seen, kept = lax.while_loop(busy, body, start)
    return layers, seen, kept


def _behind(alphas: jax.Array, shades: jax.Array, behind: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Shade (colour times cotangent) behind each point (G, P, S), and seen from before the block (G, S)."""

    def over(back, front):
        (back_passed, back_shade), (front_passed, front_shade) = back, front
        return front_passed * back_passed, front_shade + front_passed * back_shade

    passed, shade = lax.associative_scan(over, (1 - alphas, alphas * shades), axis=1, reverse=True)
    seen_from = shade + passed * behind[:, None]  # from just in front of each point
    return jnp.concatenate([seen_from[:, 1:], behind[:, None]], axis=1), seen_from[:, 0]


def _shape_gradients(block: _Block, d_alphas: jax.Array) -> jax.Array:
    """(G, P, 4): cotangents of mean x, mean y, radius, opacity."""
    slope = 2 * block.opacities / block.radii**2  # (G, P, 1)
    d_means = slope * jnp.sum(d_alphas[..., None] * block.offsets, axis=2)
    squared = jnp.sum(block.offsets**2, axis=3)
    d_radii = slope / block.radii * jnp.sum(d_alphas * squared, axis=2)[..., None]
    d_opacities = jnp.sum(d_alphas * block.falloff, axis=2)[..., None]
    return jnp.concatenate([d_means, d_radii, d_opacities], axis=2)


def _untile(settings: Settings, work: _Work, pixels: jax.Array) -> jax.Array:
    """(groups, G, S, C) -> (H, W, C)."""
    (rows, cols), (height, width) = tiles.grid(settings.image_size), settings.image_size
    channels = pixels.shape[-1]
    in_order = jnp.zeros((rows * cols, _PIXELS, channels), pixels.dtype)
    in_order = in_order.at[work.groups.reshape(-1)].set(pixels.reshape(-1, _PIXELS, channels), mode="drop")
    image = in_order.reshape(rows, cols, tiles.TILE, tiles.TILE, channels).transpose(0, 2, 1, 3, 4)
    return image.reshape(rows * tiles.TILE, cols * tiles.TILE, channels)[:height, :width]


def _retile(settings: Settings, work: _Work, image: jax.Array) -> jax.Array:
    """(H, W, C) -> (groups, G, S, C); zero outside the image."""
    (rows, cols), (height, width) = tiles.grid(settings.image_size), settings.image_size
    image = jnp.pad(image, ((0, rows * tiles.TILE - height), (0, cols * tiles.TILE - width), (0, 0)))
    pixels = image.reshape(rows, tiles.TILE, cols, tiles.TILE, -1).transpose(0, 2, 1, 3, 4)
    return pixels.reshape(rows * cols, _PIXELS, -1).at[work.groups].get(mode="fill", fill_value=0)


def _einsum(expression: str, *operands: jax.Array) -> jax.Array:
    return jnp.einsum(expression, *operands, precision=lax.Precision.HIGHEST)
