"""The public functions: they check their inputs and hand them to a backend."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rasterizer import checks, dispatch
from rasterizer.constants import GAUSSIAN_MIN_ALPHA, MIN_RADIUS
from rasterizer.footprints import DISC, GAUSSIAN, Footprint
from rasterizer.types import Scene, Settings, Splats

_EDGE = 1e-3  # pixels: a Gaussian's box may not cut off what rounding still covers


def splat(
    means2d: ArrayLike,
    depths: ArrayLike,
    radii: ArrayLike,
    features: ArrayLike,
    *,
    image_size: tuple[int, int],
    opacities: ArrayLike | None = None,
    alive: ArrayLike | None = None,
    max_points_per_pixel: int | None = None,
    max_overlaps: int | None = None,
    backend: str = "auto",
    lowering: str | None = None,
) -> Splats:
    """Draws N points as soft discs, front to back.

    At a pixel centre p, alpha = opacity * max(0, 1 - |p - mean|^2 / radius^2), and
    image = sum over points of alpha * T * feature, with T the product of (1 - alpha) of all nearer points.

    Args:
      means2d: (N, 2) pixels, x first.
      depths: (N,) camera z; points with depth <= 0 are not drawn. Only their order matters.
      radii: () or (N,) pixels; points with radius <= 0 are not drawn.
      features: (N, C); bfloat16 and float16 are computed in float32.
      image_size: (H, W).
      opacities: (N,) in [0, 1]; None means 1.
      alive: (N,) bool; points that are not alive are not drawn. None means all.
      max_points_per_pixel: keep only this many nearest points that cover a pixel; None is exact.
      max_overlaps: static capacity of (tile, point) pairs, for `xla` (tiles of 8 x 8 pixels) and `pallas` (8 x 16).
        None takes what is enough where that can be known in advance: concrete radii, or few points on a small image.
      backend: "auto" (the best where the program is compiled for), "reference", "xla", "cpu" or "pallas".
      lowering: of the Pallas kernels: "mosaic", "triton", or "interpret", which runs them anywhere, slowly. None takes
        what suits the GPU.

    Returns:
      `Splats`. Gradients flow from `image` and `alpha` to means2d, radii, features and opacities.

    Raises:
      ValueError: a shape or an option is wrong, `max_overlaps` is needed, or the backend cannot run here.
    """
    shapes = checks.radii(radii, checks.num_points(means2d))
    points = checks.points(means2d, depths, shapes, features, opacities, alive)
    scene, nonfinite = checks.finite_scene(
        points,
        extents=jnp.broadcast_to(points.shapes, points.means2d.shape),
        proper=~(points.shapes[:, 0] <= MIN_RADIUS),
        unit_shape=(1.0,),
    )
    known = None if isinstance(radii, jax.core.Tracer) else np.asarray(radii, np.float64)[..., None]
    return _draw(DISC, scene, nonfinite, known, image_size, max_points_per_pixel, max_overlaps, backend, lowering)


def splat_gaussians(
    means2d: ArrayLike,
    conics: ArrayLike,
    depths: ArrayLike,
    opacities: ArrayLike,
    features: ArrayLike,
    *,
    image_size: tuple[int, int],
    alive: ArrayLike | None = None,
    max_points_per_pixel: int | None = None,
    max_overlaps: int | None = None,
    backend: str = "auto",
    lowering: str | None = None,
) -> Splats:
    """Draws N anisotropic Gaussians front to back, as 3D Gaussian splatting does.

    At a pixel centre, d = centre - mean and alpha = min(0.99, opacity * exp(-(a dx^2 + c dy^2) / 2 - b dx dy)); alphas
    below 1/255 are not drawn; the Gaussian that would let less than 1e-4 of the light pass ends its pixel undrawn.

    Args:
      means2d: (N, 2) pixels, x first.
      conics: (N, 3): a, b, c of the inverse covariance [[a, b], [b, c]], 1 / pixel^2; not positive definite ones are
        not drawn.
      depths: (N,) camera z; Gaussians with depth <= 0 are not drawn. Only their order matters.
      opacities: (N,) in [0, 1].
      features: (N, C); bfloat16 and float16 are computed in float32.
      image_size: (H, W).
      alive: as in `splat`.
      max_points_per_pixel: as in `splat`.
      max_overlaps: as in `splat`; known in advance for concrete conics and opacities.
      backend: as in `splat`.
      lowering: as in `splat`.

    Returns:
      `Splats`. Gradients flow from `image` and `alpha` to means2d, conics, features and opacities; where an alpha is
      held at 0.99 they are zero.

    Raises:
      ValueError: as in `splat`.
    """
    shapes = checks.conics(conics, checks.num_points(means2d))
    points = checks.points(means2d, depths, shapes, features, opacities, alive)
    extents, proper = _gaussian_extents(points.shapes, points.opacities)
    scene, nonfinite = checks.finite_scene(points, extents, proper, unit_shape=(1.0, 0.0, 1.0))
    known = None
    if not isinstance(extents, jax.core.Tracer):
        known = np.where(np.asarray(scene.drawn)[:, None], np.asarray(scene.extents, np.float64), 0.0)
    return _draw(GAUSSIAN, scene, nonfinite, known, image_size, max_points_per_pixel, max_overlaps, backend, lowering)


def _gaussian_extents(conics: jax.Array, opacities: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Half sizes (N, 2) of the boxes around alpha >= 1/255, and which Gaussians (N,) have any such place."""
    a, b, c = conics.T
    determinant = a * c - b * b
    definite = (a > 0) & (c > 0) & (determinant > 0)
    broken = ~jnp.all(jnp.isfinite(conics), axis=1) | ~jnp.isfinite(opacities)
    ratio = opacities / GAUSSIAN_MIN_ALPHA
    variances = jnp.stack([c, a], axis=1) / jnp.where(definite, determinant, 1)[:, None]
    squared = 2 * jnp.log(jnp.maximum(ratio, 1))[:, None] * jnp.where(definite[:, None], variances, 0)
    return jnp.sqrt(squared) + _EDGE, (definite & (ratio >= 1)) | broken


def _draw(
    footprint: Footprint,
    scene: Scene,
    nonfinite: jax.Array,
    known: np.ndarray | None,
    image_size: tuple[int, int],
    max_points_per_pixel: int | None,
    max_overlaps: int | None,
    backend: str,
    lowering: str | None,
) -> Splats:
    dispatch.check_names(backend, lowering)
    size = checks.size(image_size)
    limit = checks.count(max_points_per_pixel, "max_points_per_pixel")
    capacity = checks.count(max_overlaps, "max_overlaps")
    backend, capacity = dispatch.resolve(backend, lowering, capacity, known, scene, size)
    lowering = lowering or dispatch.default_lowering(backend)
    out = dispatch.composite(Settings(footprint, size, limit, capacity, backend, lowering), scene)
    return Splats(
        image=out.image,
        alpha=out.alpha,
        max_weight=jax.lax.stop_gradient(out.max_weight),
        is_front=out.is_front,
        overflow=out.overflow,
        nonfinite=nonfinite,
    )
