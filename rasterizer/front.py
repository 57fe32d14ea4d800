"""The one public function: checks its inputs, then hands them to a backend."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rasterizer import cpu, reference, tiles, xla
from rasterizer.constants import MIN_RADIUS
from rasterizer.types import Composite, Scene, SceneGradients, Settings, Splats

BACKENDS = ("auto", "reference", "xla", "cpu")


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
      max_overlaps: static capacity of (tile, point) pairs, for `xla` only; tiles are 8 pixels wide. None takes
        what is enough where that can be known in advance: concrete radii, or few points on a small image.
      backend: "auto" (the best where the program is compiled for), "reference", "xla" or "cpu".

    Returns:
      `Splats`. Gradients flow from `image` and `alpha` to means2d, radii, features and opacities.

    Raises:
      ValueError: a shape or an option is wrong, `max_overlaps` is needed, or the backend cannot run here.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}; got {backend!r}.")
    size = _checked_size(image_size)
    limit = _checked_count(max_points_per_pixel, "max_points_per_pixel")
    capacity = _checked_count(max_overlaps, "max_overlaps")
    scene, nonfinite = _checked_scene(means2d, depths, radii, features, opacities, alive)
    backend, capacity = _resolve(backend, capacity, radii, scene, size)
    settings = Settings(size, limit, capacity, backend)
    out = reference.composite(settings, scene) if backend == "reference" else _composite(settings, scene)
    return Splats(
        image=out.image,
        alpha=out.alpha,
        max_weight=jax.lax.stop_gradient(out.max_weight),
        is_front=out.is_front,
        overflow=out.overflow,
        nonfinite=nonfinite,
    )


def backend_problem(backend: str) -> str | None:
    """Why `backend` cannot run on this machine, or None if it can.

    The first question about "cpu" compiles the native library, which takes some seconds.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}; got {backend!r}.")
    return cpu.problem() if backend == "cpu" else None


def _resolve(
    backend: str, capacity: int | None, radii: ArrayLike, scene: Scene, size: tuple[int, int]
) -> tuple[str, int]:
    """The backend to run and its capacity of (tile, point) pairs."""
    single = scene.means2d.dtype == jnp.float32
    if backend == "cpu" and not single:
        raise ValueError("the cpu backend computes in float32 only; got float64: use backend='xla'.")
    if problem := backend_problem(backend):
        raise ValueError(f"the {backend} backend cannot run here: {problem}.")
    num_points = scene.depths.shape[0]
    if backend == "reference" or num_points == 0:
        return "reference", 0
    if backend == "auto" and (not single or cpu.problem()):
        backend = "xla"
    if capacity is None and backend != "cpu":
        capacity = tiles.known_capacity(_concrete(radii), num_points, size)
    if capacity is not None:
        return backend, capacity
    if backend == "cpu" or (backend == "auto" and jax.default_backend() == "cpu"):
        return "cpu", 0
    raise ValueError(
        "max_overlaps is needed: radii is traced, so the number of (tile, point) pairs cannot be known in "
        f"advance; pass for instance max_overlaps={4 * num_points} and watch `overflow`."
    )


def _checked_size(image_size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in image_size)
    except (TypeError, ValueError):
        raise ValueError(f"image_size must be two whole numbers (H, W); got {image_size!r}.") from None
    if height < 1 or width < 1:
        raise ValueError(f"image_size must be at least (1, 1); got {(height, width)}.")
    return height, width


def _checked_count(count: int | None, name: str) -> int | None:
    if count is None:
        return None
    if isinstance(count, bool) or int(count) != count or count < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, or None; got {count!r}.")
    return int(count)


def _checked_scene(means2d, depths, radii, features, opacities, alive) -> tuple[Scene, jax.Array]:
    """The points with every number made finite, and how many had to be skipped for that."""
    means2d, depths, radii, features = (jnp.asarray(a) for a in (means2d, depths, radii, features))
    if means2d.ndim != 2 or means2d.shape[1] != 2:
        raise ValueError(f"means2d must have shape (N, 2); got {means2d.shape}.")
    n = means2d.shape[0]
    opacities = jnp.ones(n, jnp.float32) if opacities is None else jnp.asarray(opacities)
    alive = jnp.ones(n, bool) if alive is None else jnp.asarray(alive)
    for name, array in (("depths", depths), ("opacities", opacities), ("alive", alive)):
        if array.shape != (n,):
            raise ValueError(f"{name} must have shape ({n},), one per point; got {array.shape}.")
    if radii.shape not in ((), (n,)):
        raise ValueError(f"radii must be one number or have shape ({n},), one per point; got {radii.shape}.")
    if features.ndim != 2 or features.shape[0] != n or features.shape[1] < 1:
        raise ValueError(f"features must have shape ({n}, C) with C >= 1; got {features.shape}.")
    if alive.dtype != bool:
        raise ValueError(f"alive must be boolean; got {alive.dtype}.")
    numbers = (means2d, depths, jnp.broadcast_to(radii, (n,)), features, opacities)
    dtype = jnp.promote_types(jnp.float32, jnp.result_type(*numbers))
    return _finite_scene([a.astype(dtype) for a in numbers], alive)


def _finite_scene(numbers: list[jax.Array], alive: jax.Array) -> tuple[Scene, jax.Array]:
    means2d, depths, radii, features, opacities = numbers
    finite = (
        jnp.all(jnp.isfinite(means2d), axis=1)
        & jnp.isfinite(depths)
        & jnp.isfinite(radii * radii)  # a backend squares them
        & jnp.all(jnp.isfinite(features), axis=1)
        & jnp.isfinite(opacities)
    )
    ahead = alive & ~(depths <= 0)  # true for NaN, which must be counted
    drawn = ahead & finite & (radii > MIN_RADIUS)

    def kept(array, otherwise):
        # Replaced before the backend, so that neither a value nor a gradient of a skipped point can be NaN.
        mask = drawn if array.ndim == 1 else drawn[:, None]
        return jnp.where(mask, array, jnp.asarray(otherwise, array.dtype))

    scene = Scene(kept(means2d, 0), kept(depths, 1), kept(radii, 1), kept(features, 0), kept(opacities, 0), drawn)
    return scene, jnp.sum(ahead & ~finite, dtype=jnp.int32)


def _concrete(radii: ArrayLike) -> np.ndarray | None:
    return None if isinstance(radii, jax.core.Tracer) else np.asarray(radii)


def _forward(settings: Settings, scene: Scene) -> Composite:
    native, portable = (functools.partial(f, settings) for f in (cpu.composite, xla.composite))
    return _chosen(settings, native, portable)(scene)


def _backward(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    native, portable = (functools.partial(f, settings) for f in (cpu.gradients, xla.gradients))
    return _chosen(settings, native, portable)(scene, d_image, d_alpha)


def _chosen(settings: Settings, native: Callable, portable: Callable) -> Callable:
    """The named body; for "auto" both, of which the platform that the program is compiled for takes its own."""
    if settings.backend == "auto":
        return functools.partial(jax.lax.platform_dependent, cpu=native, default=portable)
    return native if settings.backend == "cpu" else portable


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _composite(settings: Settings, scene: Scene) -> Composite:
    return _forward(settings, scene)


def _composite_fwd(settings: Settings, scene: Scene) -> tuple[Composite, Scene]:
    return _forward(settings, scene), scene


def _composite_bwd(settings: Settings, scene: Scene, cotangents: Composite) -> tuple[Scene]:
    gradients = _backward(settings, scene, cotangents.image, cotangents.alpha)
    no_gradient: Any = np.zeros(scene.drawn.shape, jax.dtypes.float0)
    return (Scene(depths=jnp.zeros_like(scene.depths), drawn=no_gradient, **gradients._asdict()),)


_composite.defvjp(_composite_fwd, _composite_bwd)
