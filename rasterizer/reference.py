"""The backend to believe: every point against every pixel, gradients by JAX. Memory O(N * H * W * C)."""

import functools

import jax
import jax.numpy as jnp

from rasterizer.types import Composite, Scene, Settings


@functools.partial(jax.jit, static_argnums=0)
def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene`; differentiable as it stands."""
    height, width = settings.image_size
    footprint = settings.footprint
    order = jnp.argsort(scene.depths, stable=True)  # ties: the lower index first
    scene = jax.tree.map(lambda a: a[order], scene)

    rows, cols = jnp.mgrid[:height, :width].astype(scene.means2d.dtype)[:, None] + 0.5  # (1, H, W): pixel centres
    dx, dy = cols - scene.means2d[:, :1, None], rows - scene.means2d[:, 1:, None]  # (N, H, W)
    shape = tuple(column[:, None, None] for column in scene.shapes.T)
    opacities = scene.opacities[:, None, None]
    covers = footprint.covers(dx, dy, shape, opacities) & scene.drawn[:, None, None]
    rank = jnp.cumsum(covers, axis=0)  # 1 for the nearest covering point
    limit = settings.max_points_per_pixel
    kept = covers if limit is None else covers & (rank <= limit)
    alphas = jnp.minimum(opacities * footprint.falloff(dx, dy, shape), footprint.max_alpha)
    if not footprint.draws_last:
        kept &= _passed(kept, alphas) >= footprint.min_transmittance

    passed = _passed(kept, alphas)
    transmittance = jnp.concatenate([jnp.ones_like(passed[:1]), passed[:-1]])
    weights = jnp.where(kept, alphas, 0) * transmittance

    inverse = jnp.argsort(order)
    max_weight = jnp.max(weights, axis=(1, 2), initial=0)
    is_front = jnp.any(covers & (rank == 1), axis=(1, 2))
    return Composite(
        image=jnp.einsum("nhw,nc->hwc", weights, scene.features, precision="highest"),
        alpha=jnp.sum(weights, axis=0),
        max_weight=max_weight[inverse],
        is_front=is_front[inverse],
        overflow=jnp.zeros((), jnp.int32),
    )


def _passed(kept: jax.Array, alphas: jax.Array) -> jax.Array:
    """(N, H, W): what of the light passes a point and all nearer ones."""
    return jnp.cumprod(1 - jnp.where(kept, alphas, 0), axis=0)
