"""Which backend draws: by name, or by the platform that a program is compiled for; one gradient rule for all.

$RASTERIZER_BACKEND names the backend that "auto" stands for, for instance to run tests without the native one.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rasterizer import cpu, pallas, reference, tiles, xla
from rasterizer.types import Composite, Scene, SceneGradients, Settings

BACKENDS = ("auto", "reference", "xla", "cpu", "pallas")
LOWERINGS = pallas.LOWERINGS
_SMALLEST_TILE = {"xla": xla.TILE, "pallas": pallas.TILE, "auto": xla.TILE}  # smaller tiles, more pairs


def check_names(backend: str, lowering: str | None) -> None:
    """Raises ValueError for a backend or a lowering that does not exist."""
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}; got {backend!r}.")
    if lowering is not None and lowering not in LOWERINGS:
        raise ValueError(f"lowering must be one of {', '.join(LOWERINGS)}, or None; got {lowering!r}.")


def backend_problem(backend: str, *, lowering: str | None = None) -> str | None:
    """Why `backend` cannot run on this machine, or None if it can; `lowering` as in `splat`.

    The first question about "cpu" compiles the native library, which takes some seconds.
    """
    check_names(backend, lowering)
    if backend == "pallas":
        return pallas.problem(lowering or pallas.default_lowering())
    return cpu.problem() if backend == "cpu" else None


def resolve(
    backend: str,
    lowering: str | None,
    capacity: int | None,
    half_sizes: np.ndarray | None,
    scene: Scene,
    size: tuple[int, int],
) -> tuple[str, int]:
    """The backend to run and its capacity of (tile, point) pairs.

    `half_sizes`, broadcastable to (N, 2) pixels, are the extents of the points where they are known, else None.
    """
    single = scene.means2d.dtype == jnp.float32
    if backend == "auto" and single:
        backend = os.environ.get("RASTERIZER_BACKEND") or "auto"
        check_names(backend, lowering)
    if backend in ("cpu", "pallas") and not single:
        raise ValueError(f"the {backend} backend computes in float32 only; got float64: use backend='xla'.")
    if problem := backend_problem(backend, lowering=lowering):
        raise ValueError(f"the {backend} backend cannot run here: {problem}.")
    num_points = scene.depths.shape[0]
    if backend == "reference" or num_points == 0:
        return "reference", 0
    if backend == "auto" and not single:
        backend = "xla"
    if capacity is None and backend != "cpu":
        capacity = tiles.known_capacity(half_sizes, num_points, size, _SMALLEST_TILE[backend])
    if capacity is not None:
        return backend, capacity
    if backend == "cpu" or (backend == "auto" and jax.default_backend() == "cpu" and cpu.problem() is None):
        return "cpu", 0
    raise ValueError(
        "max_overlaps is needed: the points' sizes are traced, so the number of (tile, point) pairs cannot be known "
        f"in advance; pass for instance max_overlaps={4 * num_points} and watch `overflow`."
    )


def default_lowering(backend: str) -> str:
    """What suits this machine's GPU; "" for backends without Pallas kernels."""
    return pallas.default_lowering() if backend in ("auto", "pallas") else ""


def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene` with the backend of `settings`, differentiably."""
    return reference.composite(settings, scene) if settings.backend == "reference" else _composite(settings, scene)


def _forward(settings: Settings, scene: Scene) -> Composite:
    bodies: dict[str, Callable] = {"cpu": cpu.composite, "pallas": pallas.composite, "xla": xla.composite}
    return _chosen(settings, bodies)(scene)


def _backward(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    bodies: dict[str, Callable] = {"cpu": cpu.gradients, "pallas": pallas.gradients, "xla": xla.gradients}
    return _chosen(settings, bodies)(scene, d_image, d_alpha)


def _chosen(settings: Settings, bodies: dict[str, Callable]) -> Callable:
    """The named body; for "auto" all, of which the platform that the program is compiled for takes its own."""
    bound = {name: functools.partial(body, settings) for name, body in bodies.items()}
    if settings.backend == "auto":
        on_cpu = bound["xla"] if cpu.problem() else bound["cpu"]
        return functools.partial(jax.lax.platform_dependent, cpu=on_cpu, cuda=bound["pallas"], default=bound["xla"])
    return bound[settings.backend]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _composite(settings: Settings, scene: Scene) -> Composite:
    return _forward(settings, scene)


def _composite_fwd(settings: Settings, scene: Scene) -> tuple[Composite, Scene]:
    return _forward(settings, scene), scene


def _composite_bwd(settings: Settings, scene: Scene, cotangents: Composite) -> tuple[Scene]:
    gradients = _backward(settings, scene, cotangents.image, cotangents.alpha)
    no_gradient: Any = np.zeros(scene.drawn.shape, jax.dtypes.float0)
    constants = {"depths": jnp.zeros_like(scene.depths), "extents": jnp.zeros_like(scene.extents)}
    return (Scene(drawn=no_gradient, **constants, **gradients._asdict()),)


_composite.defvjp(_composite_fwd, _composite_bwd)
