"""The portable backend: tiles in plain JAX, static shapes, memory O(N + H * W * C + pairs).

Tiles are handled in groups of similar length. A group advances in blocks: the next few points of each of its tiles
against all their pixels, front to back. The backward pass walks the blocks front to back once more, keeping the
transmittance at the start of each, and then back to front with the colour behind each point; so it never divides by
1 - alpha and is exact where alpha is 1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from rasterizer import tiles
from rasterizer.sequential import one_by_one
from rasterizer.types import Composite, Scene, SceneGradients, Settings, num_own

_POINTS = 16  # per block
_GROUP = 64  # tiles; a group's state stays in a CPU's cache
_TILE = 8  # pixels; 16 takes fewer pairs, but points are a few pixels wide and every pair costs _TILE**2 pixels
TILE = (_TILE, _TILE)
_PIXELS = _TILE**2


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
    shape: tuple[jax.Array, ...]  # the footprint's parameters, (G, P, 1) each
    dx: jax.Array  # (G, P, S): from the point to the pixel centre
    dy: jax.Array
    falloff: jax.Array  # (G, P, S)
    covers: jax.Array  # (G, P, S) bool


class _Hits(NamedTuple):
    """What a block's points do to their tiles' pixels, (G, P, S) each."""

    alphas: jax.Array  # 0 where a point does not count
    before: jax.Array  # transmittance in front of the point
    drawn: jax.Array  # bool
    first: jax.Array  # bool: nothing nearer covers the pixel
    passed: jax.Array  # (G, S): transmittance behind the block, as if every point that counts were drawn


@one_by_one
def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene`."""
    work = _work(settings, scene)
    n, channels = scene.features.shape
    dtype = scene.features.dtype

    def draw_group(visibility, group):
        tile = _tiles(settings, work, group)

        def body(state):
            layer, passed, left, seen, image, (max_weight, is_front) = state
            block = _block(settings, work, tile, layer)
            hits = _hits(settings, block, seen, passed)
            weights = jnp.where(hits.drawn, hits.alphas * hits.before, 0)
            left = _left(settings, hits, left)
            image = image + _einsum("gps,gpc->gsc", weights, block.features)
            max_weight = max_weight.at[block.points].max(jnp.max(weights, axis=2), mode="drop")
            is_front = is_front.at[block.points].max(jnp.any(hits.first, axis=2), mode="drop")
            return layer + 1, hits.passed, left, seen + _count(block), image, (max_weight, is_front)

        def busy(state):
            layer, passed, _, seen, *_ = state
            return jnp.any(_unfinished(settings, tile, layer, passed, seen))

        start = (
            jnp.int32(0),
            jnp.ones((_GROUP, _PIXELS), dtype),
            jnp.ones((_GROUP, _PIXELS), dtype),
            jnp.zeros((_GROUP, _PIXELS), jnp.int32),
            jnp.zeros((_GROUP, _PIXELS, channels), dtype),
            visibility,
        )
        _, _, left, _, image, visibility = lax.while_loop(busy, body, start)
        return visibility, (image, 1 - left)

    visibility = (jnp.zeros(n, dtype), jnp.zeros(n, bool))
    (max_weight, is_front), (image, alpha) = lax.scan(draw_group, visibility, work.groups)
    image = _untile(settings, work, image)
    return Composite(image, _untile(settings, work, alpha[..., None])[..., 0], max_weight, is_front, work.bins.overflow)


@one_by_one
def gradients(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    """Cotangents of the scene from those of image (H, W, C) and alpha (H, W)."""
    work = _work(settings, scene)
    n, channels = scene.features.shape
    dtype = scene.features.dtype
    # A block for each full set of pairs, and one that is not full for each tile.
    num_blocks = settings.max_overlaps // _POINTS + work.bins.starts.shape[0]
    d_pixels = _retile(work, jnp.concatenate([d_image, d_alpha[..., None]], axis=2))

    def pull_group(carry, xs):
        group, d_group = xs
        sums, kept = carry
        tile = _tiles(settings, work, group)
        layers, seen, kept = _transmittance_per_block(settings, work, tile, kept)

        def body(_, state):
            layer, behind, seen, sums = state
            layer = layer - 1
            block = _block(settings, work, tile, layer)
            seen = seen - _count(block)
            hits = _hits(settings, block, seen, kept[tile.block_starts + layer])
            alphas = jnp.where(hits.drawn, hits.alphas, 0)
            shades = _einsum("gpc,gsc->gps", block.features, d_group[..., :-1]) + d_group[:, None, :, -1]
            behind_each, behind = _behind(alphas, shades, behind)
            d_alphas = jnp.where(hits.drawn, hits.before * (shades - behind_each), 0)
            d_features = _einsum("gps,gsc->gpc", alphas * hits.before, d_group[..., :-1])
            rows = jnp.concatenate([_shape_gradients(settings, block, d_alphas), d_features], axis=2)
            return layer, behind, seen, sums.at[block.points].add(rows, mode="drop")

        start = (layers, jnp.zeros((_GROUP, _PIXELS), dtype), seen, sums)
        *_, sums = lax.fori_loop(0, layers, body, start)
        return (sums, kept), None

    numbers = num_own(settings.footprint) + channels
    carry = (jnp.zeros((n, numbers), dtype), jnp.ones((num_blocks, _PIXELS), dtype))
    (sums, _), _ = lax.scan(pull_group, carry, (work.groups, d_pixels))
    return SceneGradients.of_rows(sums, settings.footprint)


def _work(settings: Settings, scene: Scene) -> _Work:
    bins = tiles.bin_points(scene, settings.image_size, TILE, settings.max_overlaps)
    blocks = -(-jnp.diff(bins.starts) // _POINTS)
    order = jnp.argsort(-blocks)
    padding = jnp.full(-order.shape[0] % _GROUP, order.shape[0], order.dtype)
    groups = jnp.concatenate([order, padding]).astype(jnp.int32).reshape(-1, _GROUP)
    block_starts = jnp.concatenate([jnp.zeros(1, blocks.dtype), jnp.cumsum(blocks)]).astype(jnp.int32)
    return _Work(scene, bins, groups, block_starts)


def _tiles(settings: Settings, work: _Work, group: jax.Array) -> _Tiles:
    rows, cols = tiles.grid(settings.image_size, TILE)
    corner = jnp.stack([group % cols, group // cols], axis=1) * _TILE
    y, x = jnp.divmod(jnp.arange(_PIXELS), _TILE)
    pixels = corner[:, None] + jnp.stack([x, y], axis=1)[None]
    dtype = work.scene.means2d.dtype
    # A padding tile reads both ends from the last entry, so it has no pairs.
    starts, ends = (work.bins.starts[jnp.minimum(g, rows * cols)] for g in (group, group + 1))
    height, width = settings.image_size
    inside = (pixels[..., 0] < width) & (pixels[..., 1] < height)
    return _Tiles(starts, ends, work.block_starts[group], pixels.astype(dtype) + jnp.asarray(0.5, dtype), inside)


def _block(settings: Settings, work: _Work, tile: _Tiles, layer: jax.Array) -> _Block:
    scene, footprint = work.scene, settings.footprint
    slots = tile.starts[:, None] + layer * _POINTS + jnp.arange(_POINTS, dtype=jnp.int32)[None]
    valid = slots < tile.ends[:, None]
    points = work.bins.points[jnp.minimum(slots, work.bins.points.shape[0] - 1)]
    offsets = tile.centres[:, None] - scene.means2d[points][:, :, None]
    dx, dy = offsets[..., 0], offsets[..., 1]
    opacities = scene.opacities[points][..., None]
    shapes = scene.shapes[points]
    shape = tuple(shapes[..., index, None] for index in range(footprint.num_shape))
    return _Block(
        points=jnp.where(valid, points, scene.opacities.shape[0]),
        features=scene.features[points],
        opacities=opacities,
        shape=shape,
        dx=dx,
        dy=dy,
        falloff=footprint.falloff(dx, dy, shape),
        covers=footprint.covers(dx, dy, shape, opacities) & valid[..., None] & tile.inside[:, None],
    )


def _hits(settings: Settings, block: _Block, seen: jax.Array, passed: jax.Array) -> _Hits:
    """`seen` (G, S) covering points precede the block, and `passed` (G, S) of the light reaches it."""
    footprint, limit = settings.footprint, settings.max_points_per_pixel
    nearer = seen[:, None] + jnp.cumsum(block.covers, axis=1, dtype=jnp.int32) - block.covers.astype(jnp.int32)
    counts = block.covers if limit is None else block.covers & (nearer < limit)
    alphas = jnp.where(counts, jnp.minimum(block.opacities * block.falloff, footprint.max_alpha), 0)
    after = lax.associative_scan(jnp.multiply, 1 - alphas, axis=1) * passed[:, None]
    before = jnp.concatenate([passed[:, None], after[:, :-1]], axis=1)
    drawn = counts if footprint.draws_last else counts & (after >= footprint.min_transmittance)
    return _Hits(alphas, before, drawn, block.covers & (nearer == 0), after[:, -1])


def _count(block: _Block) -> jax.Array:
    return jnp.sum(block.covers, axis=1, dtype=jnp.int32)


def _left(settings: Settings, hits: _Hits, left: jax.Array) -> jax.Array:
    """Transmittance (G, S) of what was drawn, which may end before what counts does."""
    if settings.footprint.draws_last:
        return hits.passed
    return jnp.minimum(left, jnp.min(jnp.where(hits.drawn, hits.before * (1 - hits.alphas), 1), axis=1))


def _unfinished(settings: Settings, tile: _Tiles, layer: jax.Array, passed: jax.Array, seen: jax.Array) -> jax.Array:
    """(G, S): whether a further block can change the pixel."""
    more = (
        tile.inside
        & (tile.starts + layer * _POINTS < tile.ends)[:, None]
        & (passed >= settings.footprint.min_transmittance)
    )
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
        block = _block(settings, work, tile, layer)
        hits = _hits(settings, block, seen, passed)
        within = jnp.arange(_POINTS, dtype=jnp.int32)[None, :, None] == jnp.argmax(hits.alphas, axis=1)[:, None]
        others = jnp.prod(jnp.where(within, 1, 1 - hits.alphas), axis=1)
        # A tile that has no such block must not overwrite the next tile's.
        rows = jnp.where(tile.starts + layer * _POINTS < tile.ends, tile.block_starts + layer, kept.shape[0])
        kept = kept.at[rows].set(passed, mode="drop")
        product = jnp.prod(1 - hits.alphas, axis=1)
        without_most = jnp.maximum(without_most * product, passed * others)
        return layer + 1, hits.passed, without_most, seen + _count(block), kept

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


def _shape_gradients(settings: Settings, block: _Block, d_alphas: jax.Array) -> jax.Array:
    """(G, P, 3 + S): cotangents of mean x, mean y, the shape, the opacity."""
    footprint = settings.footprint
    d_alphas = jnp.where(block.opacities * block.falloff <= footprint.max_alpha, d_alphas, 0)
    d_falloff = block.opacities * d_alphas
    slopes = footprint.slopes(block.dx, block.dy, block.shape, block.falloff)
    sums = [jnp.sum(d_falloff * slope, axis=2) for slope in slopes]
    return jnp.stack([*sums, jnp.sum(d_alphas * block.falloff, axis=2)], axis=2)


def _untile(settings: Settings, work: _Work, pixels: jax.Array) -> jax.Array:
    """(groups, G, S, C) -> (H, W, C)."""
    pixels = pixels.reshape(-1, *pixels.shape[2:])
    in_order = jnp.zeros((work.bins.starts.shape[0] - 1, *pixels.shape[1:]), pixels.dtype)
    in_order = in_order.at[work.groups.reshape(-1)].set(pixels, mode="drop")
    return tiles.join(in_order, settings.image_size, TILE)


def _retile(work: _Work, image: jax.Array) -> jax.Array:
    """(H, W, C) -> (groups, G, S, C); zero outside the image."""
    return tiles.cut(image, TILE).at[work.groups].get(mode="fill", fill_value=0)


def _einsum(expression: str, *operands: jax.Array) -> jax.Array:
    return jnp.einsum(expression, *operands, precision=lax.Precision.HIGHEST)
