"""Calls the kernels: bins the points in plain JAX, hands each tile to a program, adds up what pairs of a point got."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from rasterizer import tiles
from rasterizer.pallas import kernels
from rasterizer.pallas.kernels import PIXELS, TILE, Plan
from rasterizer.sequential import one_by_one
from rasterizer.types import Composite, Scene, SceneGradients, Settings

LOWERINGS = ("mosaic", "triton", "interpret")
_HOPPER = 9.0  # the compute capability that Mosaic GPU needs
_BLOCK, _INTERPRETED_BLOCK = 8, 2  # the backward pass is unrolled over a block, which XLA compiles slowly for a CPU


class _Work(NamedTuple):
    plan: Plan
    bins: tiles.Bins
    rows: jax.Array  # (pairs, own): mean x, mean y, shape, opacity of each pair's point
    features: jax.Array  # (pairs, C)


def problem(lowering: str) -> str | None:
    """Why the backend cannot run here, or None if it can."""
    if lowering == "interpret":
        return None
    capability = _compute_capability()
    if capability is None:
        return "JAX sees no CUDA GPU; lowering='interpret' runs the kernels anywhere, slowly"
    if lowering == "mosaic" and capability < _HOPPER:
        return f"Mosaic GPU needs compute capability {_HOPPER}, this GPU has {capability}; use lowering='triton'"
    return None


def default_lowering() -> str:
    """Mosaic GPU, unless there is a GPU that is too old for it."""
    capability = _compute_capability()
    return "triton" if capability is not None and capability < _HOPPER else "mosaic"


def _compute_capability() -> float | None:
    try:
        return float(jax.devices("cuda")[0].compute_capability)
    except RuntimeError:
        return None


@one_by_one
def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene`."""
    work = _work(settings, scene)
    count, n = _num_tiles(settings), scene.depths.shape[0]
    pairs = work.bins.points.shape[0]
    shapes = [(count, work.plan.channels, PIXELS), (count, PIXELS)]
    image, alpha, first = _call(
        settings,
        functools.partial(kernels.composite, work.plan),
        (work.bins.starts, work.rows, work.features),
        [*(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes), jax.ShapeDtypeStruct(shapes[1], jnp.int32)],
    )
    # A call of its own, so that it falls away where nobody asks for visibility.
    (weights,) = _call(
        settings,
        functools.partial(kernels.largest_weights, work.plan),
        (work.bins.starts, work.rows),
        [jax.ShapeDtypeStruct((pairs + 1,), jnp.float32)],
    )
    front = jnp.where(first >= 0, work.bins.points[first], n).reshape(-1)
    return Composite(
        image=_untile(settings, image),
        alpha=_untile(settings, alpha[:, None])[..., 0],
        max_weight=jnp.zeros(n, jnp.float32).at[_owners(work.bins, n)].max(weights[:-1], mode="drop"),
        is_front=jnp.zeros(n, bool).at[front].set(True, mode="drop"),
        overflow=work.bins.overflow,
    )


@one_by_one
def gradients(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    """Cotangents of the scene from those of image (H, W, C) and alpha (H, W)."""
    work = _work(settings, scene)
    plan, bins = work.plan, work.bins
    pairs, n = bins.points.shape[0], scene.depths.shape[0]
    blocks = -(-jnp.diff(bins.starts) // plan.block)
    before = jnp.cumsum(blocks) - blocks
    numbers = plan.own + plan.channels
    _, sums = _call(
        settings,
        functools.partial(kernels.pull, plan),
        (
            bins.starts,
            before.astype(jnp.int32),
            work.rows,
            work.features,
            _retile(d_image),
            _retile(d_alpha[..., None])[:, 0],
        ),
        [
            jax.ShapeDtypeStruct((pairs // plan.block + _num_tiles(settings), PIXELS), jnp.float32),
            jax.ShapeDtypeStruct((pairs + 1, numbers), jnp.float32),
        ],
    )
    total = jnp.zeros((n, numbers), jnp.float32).at[_owners(bins, n)].add(sums[:-1], mode="drop")
    return SceneGradients.of_rows(total, settings.footprint)


def _work(settings: Settings, scene: Scene) -> _Work:
    plan = Plan(
        footprint=settings.footprint,
        image_size=settings.image_size,
        limit=settings.max_points_per_pixel,
        channels=scene.features.shape[1],
        block=_INTERPRETED_BLOCK if settings.lowering == "interpret" else _BLOCK,
    )
    bins = tiles.bin_points(scene, settings.image_size, TILE, settings.max_overlaps)
    rows = jnp.concatenate([scene.means2d, scene.shapes, scene.opacities[:, None]], axis=1)
    return _Work(plan, bins, rows[bins.points], scene.features[bins.points])


def _owners(bins: tiles.Bins, n: int) -> jax.Array:
    """Each pair's point, `n` for room that no pair took and no program wrote to."""
    return jnp.where(jnp.arange(bins.points.shape[0]) < bins.starts[-1], bins.points, n)


def _num_tiles(settings: Settings) -> int:
    rows, cols = tiles.grid(settings.image_size, TILE)
    return rows * cols


def _call(settings: Settings, body: Callable, inputs, outputs) -> list[jax.Array]:
    """One program of `body(*inputs, *outputs)` per tile; returns what the programs left in the outputs."""
    grid = (_num_tiles(settings),)
    if settings.lowering == "interpret":
        return pl.pallas_call(body, out_shape=outputs, grid=grid, interpret=True)(*inputs)
    if settings.lowering == "triton":
        from jax.experimental.pallas import triton

        warps = triton.CompilerParams(num_warps=4)
        return pl.pallas_call(body, out_shape=outputs, grid=grid, compiler_params=warps)(*inputs)
    from jax.experimental.pallas import mosaic_gpu

    warpgroup = mosaic_gpu.CompilerParams(lowering_semantics=mosaic_gpu.LoweringSemantics.Warpgroup)
    call = mosaic_gpu.kernel(body, out_type=outputs, grid=grid, grid_names=("tile",), compiler_params=warpgroup)
    return call(*inputs)


def _untile(settings: Settings, pixels: jax.Array) -> jax.Array:
    """(tiles, C, 128) -> (H, W, C)."""
    return tiles.join(pixels.transpose(0, 2, 1), settings.image_size, TILE)


def _retile(image: jax.Array) -> jax.Array:
    """(H, W, C) -> (tiles, C, 128); zero outside the image."""
    return tiles.cut(image, TILE).transpose(0, 2, 1)
