"""Kernel bodies: what one program does with its tile; the same for Mosaic GPU, Triton and interpretation.

A tile's 128 pixels are one vector, which Mosaic GPU spreads over a warpgroup; a pair's numbers are scalars read from
device memory. Nothing but tile-wide sums and maxima leaves a program for a pair, so no kernel needs atomics. All refs
are whole arrays in device memory.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl

from rasterizer.footprints import Footprint
from rasterizer.types import num_own

TILE = (8, 16)
"""Pixels (rows, columns): 128 of them are a warpgroup."""

PIXELS = TILE[0] * TILE[1]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is static in a kernel."""

    footprint: Footprint
    image_size: tuple[int, int]
    limit: int | None  # nearest covering points that count per pixel
    channels: int
    block: int  # pairs between two looks at whether any pixel is unfinished, and between kept transmittances

    @property
    def columns(self) -> int:
        """Tiles in a row of tiles."""
        return -(-self.image_size[1] // TILE[1])

    @property
    def own(self) -> int:
        """Numbers of a pair besides its features: mean x, mean y, shape, opacity."""
        return num_own(self.footprint)


class _Tile(NamedTuple):
    start: jax.Array  # () int32: first pair
    end: jax.Array  # () int32: past the last
    x: jax.Array  # (128,) pixel centres
    y: jax.Array
    inside: jax.Array  # (128,) bool: whether the pixel belongs to the image


class _Hit(NamedTuple):
    """One point against a tile's pixels, (128,) each."""

    dx: jax.Array
    dy: jax.Array
    shape: tuple[jax.Array, ...]  # scalars
    opacity: jax.Array  # scalar
    falloff: jax.Array
    covers: jax.Array  # bool
    counts: jax.Array  # bool: covers, and is among the nearest that count
    alpha: jax.Array  # 0 where it does not count


def composite(plan: Plan, starts: Any, rows: Any, features: Any, image: Any, alpha: Any, first: Any) -> None:
    """Image (tiles, C, 128), alpha (tiles, 128), and each pixel's first covering pair (tiles, 128), -1 for none."""
    index, tile = _tile(plan, starts)

    def point(k, state):
        passed, _, seen, left, nearest, *colour = state
        hit = _hit(plan, tile, rows, k, seen)
        after = passed * (1.0 - hit.alpha)
        drawn = _drawn(plan, hit, after)
        weight = jnp.where(drawn, hit.alpha * passed, 0.0)
        left = jnp.where(drawn, after, left)
        nearest = jnp.where(hit.covers & (seen == 0), k, nearest)
        colour = [c + weight * _scalar(features, k, i) for i, c in enumerate(colour)]
        return after, after, seen + hit.covers.astype(jnp.int32), left, nearest, *colour

    ones = jnp.ones(PIXELS, jnp.float32)
    zeros = jnp.zeros(PIXELS, jnp.float32)
    nothing = jnp.full(PIXELS, -1, jnp.int32)
    start = (ones, ones, jnp.zeros(PIXELS, jnp.int32), ones, nothing, *[zeros] * plan.channels)
    _, (_, _, _, left, nearest, *colour) = _walk(plan, tile, point, start)
    for i, channel in enumerate(colour):
        image[index, i, :] = channel
    alpha[index, :] = 1.0 - left
    first[index, :] = nearest


def largest_weights(plan: Plan, starts: Any, rows: Any, weights: Any) -> None:
    """The largest alpha * transmittance of each pair in its tile: (pairs + 1,), zero before."""
    _, tile = _tile(plan, starts)

    def point(k, state):
        passed, _, seen = state
        hit = _hit(plan, tile, rows, k, seen)
        after = passed * (1.0 - hit.alpha)
        weight = jnp.where(_drawn(plan, hit, after), hit.alpha * passed, 0.0)
        weights[_slot(tile, k, weights.shape[0] - 1)] = jnp.max(weight)
        return after, after, seen + hit.covers.astype(jnp.int32)

    ones = jnp.ones(PIXELS, jnp.float32)
    layers, _ = _walk(plan, tile, point, (ones, ones, jnp.zeros(PIXELS, jnp.int32)))

    def clear(k):
        weights[k] = jnp.float32(0)

    _clear_rest(plan, tile, layers, clear)


def pull(plan: Plan, starts, blocks, rows, features, d_image, d_alpha, kept: Any, sums: Any) -> None:
    """Sums over the tile of each pair's gradients: (pairs + 1, own + C).

    `blocks` (tiles,) is the number of blocks before each tile's; `kept` (blocks, 128) holds the transmittance at the
    start of each. The walk never divides by 1 - alpha, so it is exact where alpha is 1.
    """
    index, tile = _tile(plan, starts)
    first_block = blocks[index]

    def note(k, state):
        passed, without_most, seen = state
        hit = _hit(plan, tile, rows, k, seen)
        stopped = 1.0 - hit.alpha
        # A point's gradient needs the colour behind it as if the point were not there; so a pixel is finished only
        # when its transmittance without its most opaque point is.
        without_most = jnp.where(hit.counts, jnp.maximum(without_most * stopped, passed), without_most)
        return passed * stopped, without_most, seen + hit.covers.astype(jnp.int32)

    def keep(layer, state):
        kept[first_block + layer, :] = state[0]

    ones = jnp.ones(PIXELS, jnp.float32)
    layers, (_, _, seen) = _walk(plan, tile, note, (ones, ones, jnp.zeros(PIXELS, jnp.int32)), before=keep)
    cotangents = [d_image[index, i, :] for i in range(plan.channels)]
    d_alpha = d_alpha[index, :]

    def rewind(step, state):
        behind, seen = state
        layer = layers - 1 - step
        pairs = [tile.start + layer * plan.block + i for i in range(plan.block)]
        covers = [_hit(plan, tile, rows, k, seen).covers.astype(jnp.int32) for k in pairs]
        seen = seen - sum(covers)
        hits, before, passed, nearer = [], [], kept[first_block + layer, :], seen
        for k, covered in zip(pairs, covers):
            hits.append(_hit(plan, tile, rows, k, nearer))
            before.append(passed)
            passed = passed * (1.0 - hits[-1].alpha)
            nearer = nearer + covered
        for k, hit, passed in zip(pairs[::-1], hits[::-1], before[::-1]):
            drawn = _drawn(plan, hit, passed * (1.0 - hit.alpha))
            colour = [_scalar(features, k, i) for i in range(plan.channels)]
            shade = d_alpha + sum(c * g for c, g in zip(colour, cotangents))
            alpha = jnp.where(drawn, hit.alpha, 0.0)
            difference = shade - behind
            by_alpha = jnp.where(drawn, passed * difference, 0.0)
            behind = behind + alpha * difference
            terms = [*_own_terms(plan, hit, by_alpha), *(alpha * passed * g for g in cotangents)]
            slot = _slot(tile, k, sums.shape[0] - 1)
            for i, term in enumerate(terms):
                sums[slot, i] = jnp.sum(term)
        return behind, seen

    lax.fori_loop(0, layers, rewind, (jnp.zeros(PIXELS, jnp.float32), seen))

    def clear(k):
        for i in range(plan.own + plan.channels):
            sums[k, i] = jnp.float32(0)

    _clear_rest(plan, tile, layers, clear)


def _tile(plan: Plan, starts) -> tuple[jax.Array, _Tile]:
    index = pl.program_id(0)
    row, column = index // plan.columns, index % plan.columns
    pixel = lax.broadcasted_iota(jnp.int32, (PIXELS,), 0)
    x, y = column * TILE[1] + pixel % TILE[1], row * TILE[0] + pixel // TILE[1]
    inside = (x < plan.image_size[1]) & (y < plan.image_size[0])
    return index, _Tile(
        starts[index], starts[index + 1], x.astype(jnp.float32) + 0.5, y.astype(jnp.float32) + 0.5, inside
    )


def _hit(plan: Plan, tile: _Tile, rows, k: jax.Array, seen: jax.Array) -> _Hit:
    """Pair `k` against the tile, where `seen` (128,) covering points precede it; past the tile's end it is nothing."""
    valid = k < tile.end
    at = jnp.where(valid, k, tile.start)
    numbers = [_scalar(rows, at, i) for i in range(plan.own)]
    dx, dy = tile.x - numbers[0], tile.y - numbers[1]
    shape, opacity = tuple(numbers[2:-1]), numbers[-1]
    falloff = plan.footprint.falloff(dx, dy, shape)
    covers = plan.footprint.covers(dx, dy, shape, opacity) & tile.inside & valid
    counts = covers if plan.limit is None else covers & (seen < plan.limit)
    alpha = jnp.minimum(opacity * falloff, plan.footprint.max_alpha)
    return _Hit(dx, dy, shape, opacity, falloff, covers, counts, jnp.where(counts, alpha, 0.0))


def _drawn(plan: Plan, hit: _Hit, after: jax.Array) -> jax.Array:
    return hit.counts if plan.footprint.draws_last else hit.counts & (after >= plan.footprint.min_transmittance)


def _own_terms(plan: Plan, hit: _Hit, by_alpha: jax.Array) -> list[jax.Array]:
    """Per pixel: cotangents of mean x, mean y, the shape, the opacity."""
    footprint = plan.footprint
    by_alpha = jnp.where(hit.opacity * hit.falloff <= footprint.max_alpha, by_alpha, 0.0)
    slopes = footprint.slopes(hit.dx, hit.dy, hit.shape, hit.falloff)
    return [*(hit.opacity * by_alpha * slope for slope in slopes), by_alpha * hit.falloff]


def _walk(plan: Plan, tile: _Tile, point, start, before=lambda layer, state: None):
    """Blocks front to back until the tile ends or no pixel can change; returns how many, and the state.

    A state starts with the transmittance, then the one to judge by, then the covering points seen.
    """

    def busy(carry):
        layer, unfinished, _ = carry
        return (tile.start + layer * plan.block < tile.end) & (unfinished > 0)

    def body(carry):
        layer, _, state = carry
        before(layer, state)
        first = tile.start + layer * plan.block
        state = lax.fori_loop(0, plan.block, lambda i, state: point(first + i, state), state)
        return layer + 1, _unfinished(plan, tile, state), state

    layers, _, state = lax.while_loop(busy, body, (jnp.int32(0), jnp.int32(1), start))
    return layers, state


def _clear_rest(plan: Plan, tile: _Tile, layers: jax.Array, clear: Callable[[jax.Array], None]) -> None:
    """Clears the tile's pairs behind the `layers` blocks that were walked: no program wrote to them."""

    def body(k, carry):
        clear(k)
        return carry

    lax.fori_loop(tile.start + layers * plan.block, tile.end, body, 0)


def _unfinished(plan: Plan, tile: _Tile, state) -> jax.Array:
    more = tile.inside & (state[1] >= plan.footprint.min_transmittance)
    if plan.limit is not None:
        more &= state[2] < plan.limit
    return jnp.max(more.astype(jnp.int32))


def _slot(tile: _Tile, k: jax.Array, spare: int) -> jax.Array:
    """Where pair `k` writes; pairs past the tile's end are other tiles', so they write to the spare row."""
    return jnp.where(k < tile.end, k, spare)


def _scalar(ref, row: jax.Array, column: int) -> jax.Array:
    return ref[row, column].astype(jnp.float32)
