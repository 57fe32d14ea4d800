"""The backend to believe: every point against every pixel, gradients by JAX. Memory O(N * H * W * C)."""

import functools

import jax
import jax.numpy as jnp

from rasterizer.types import Composite, Scene, Settings


@functools.partial(jax.jit, static_argnums=0)
def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene`; differentiable as it stands."""
    height, width = settings.image_size
    order = jnp.argsort(scene.depths, stable=True)  # ties: the lower index first
    means2d, _, radii, features, opacities, drawn = jax.tree.map(lambda a: a[order], scene)

    rows, cols = jnp.mgrid[:height, :width]
    centres = jnp.stack([cols, rows], axis=-1) + jnp.asarray(0.5, means2d.dtype)  # (H, W, 2), x first
    offsets = centres[None] - means2d[:, None, None]  # (N, H, W, 2)
    squared, limits = jnp.sum(offsets**2, axis=-1), radii[:, None, None] ** 2
    covers = (squared < limits) & drawn[:, None, None]
    rank = jnp.cumsum(covers, axis=0)  # 1 for the nearest covering point
    limit = settings.max_points_per_pixel
    kept = covers if limit is None else covers & (rank <= limit)

    alphas = jnp.where(kept, opacities[:, None, None] * (1 - squared / limits), 0)
    passed = jnp.cumprod(1 - alphas, axis=0)
    transmittance = jnp.concatenate([jnp.ones_like(passed[:1]), passed[:-1]])
    weights = alphas * transmittance

    inverse = jnp.argsort(order)
    max_weight = jnp.max(weights, axis=(1, 2), initial=0)
    is_front = jnp.any(covers & (rank == 1), axis=(1, 2))
    return Composite(
        image=jnp.einsum("nhw,nc->hwc", weights, features, precision="highest"),
        alpha=jnp.sum(weights, axis=0),
        max_weight=max_weight[inverse],
        is_front=is_front[inverse],
        overflow=jnp.zeros((), jnp.int32),
    )
