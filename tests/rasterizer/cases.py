"""Scenes that every backend must draw alike. All have one shape, so that each backend compiles only a few times."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rasterizer

N, CHANNELS = 300, 5
DIFFERENTIABLE = ("means2d", "radii", "conics", "features", "opacities")
SIZE = (21, 37)  # no multiple of any tile
MAX_OVERLAPS = N * 15


@dataclasses.dataclass(frozen=True)
class Case:
    """Discs have `radii`, Gaussians `conics`."""

    means2d: np.ndarray
    depths: np.ndarray
    features: np.ndarray
    opacities: np.ndarray
    alive: np.ndarray
    radii: np.ndarray | None = None
    conics: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: array for name, array in vars(self).items() if array is not None}


INTERPRETED = "interpreted"
"""The Pallas kernels where there is no GPU."""


def backends(*names: str):
    """Parametrises by backend; one that cannot run here is skipped with its reason."""
    params = []
    for name in names:
        reason = None if name == INTERPRETED else rasterizer.backend_problem(name)
        params.append(pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason or "")))
    return pytest.mark.parametrize("backend", params)


def random_case(seed: int = 0, **replaced) -> Case:
    rng = np.random.default_rng(seed)
    height, width = SIZE
    arrays = {
        "means2d": rng.uniform([-2, -2], [width + 2, height + 2], (N, 2)),
        "depths": rng.uniform(0.1, 4, N),
        "radii": rng.uniform(0.3, 6, N),
        "features": rng.normal(size=(N, CHANNELS)),
        "opacities": rng.uniform(0, 1, N),
    }
    arrays = {name: np.asarray(replaced.get(name, value), np.float32) for name, value in arrays.items()}
    return Case(**arrays, alive=np.asarray(replaced.get("alive", np.ones(N, bool))))


def conics(rng, low: float, high: float) -> np.ndarray:
    """Inverse covariances (N, 3) whose standard deviations along their axes lie between `low` and `high` pixels."""
    deviations, angle = rng.uniform(low, high, (N, 2)), rng.uniform(0, np.pi, N)
    axes = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], axis=1).reshape(N, 2, 2)
    inverse = np.einsum("nki,nk,nkj->nij", axes, deviations**-2, axes)
    return np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], axis=1)


def gaussian_case(seed: int = 0, **replaced) -> Case:
    shapes = replaced.pop("conics", conics(np.random.default_rng(seed + 1000), 0.4, 4))
    return dataclasses.replace(random_case(seed, **replaced), radii=None, conics=np.asarray(shapes, np.float32))


def _centres(rng) -> np.ndarray:
    height, width = SIZE
    return np.stack([rng.integers(0, width, N), rng.integers(0, height, N)], axis=1) + 0.5


@functools.cache
def all_cases() -> dict[str, Case]:
    rng = np.random.default_rng(7)
    height, width = SIZE
    border = rng.uniform(0, 1, (N, 2)) * [width, height]
    border[: N // 2, 0] = np.where(np.arange(N // 2) % 2, 0, width)
    border[N // 2 :, 1] = np.where(np.arange(N // 2) % 2, 0, height)
    return {
        "random": random_case(1),
        "ties": random_case(2, depths=rng.integers(1, 4, N)),
        "behind": random_case(3, depths=rng.choice([-1.0, -0.0, 0.0, 1e-30, 1.0, 2.0], N)),
        "off_image": random_case(4, means2d=rng.uniform(-200, 200, (N, 2)), radii=rng.uniform(1, 150, N)),
        "far_off_image": random_case(5, means2d=rng.choice([-1e12, 1e12, 10.0], (N, 2))),
        "borders": random_case(6, means2d=border),
        "opaque": random_case(7, means2d=_centres(rng), opacities=np.ones(N)),
        "nearly_opaque": random_case(8, means2d=_centres(rng), opacities=np.full(N, 1 - 6e-8)),
        "sub_pixel": random_case(9, means2d=_centres(rng), radii=rng.uniform(1e-3, 0.6, N)),
        "radius_zero": random_case(10, radii=rng.choice([0.0, -1.0, 1e-20, 2.0], N)),
        "huge": random_case(11, radii=rng.uniform(50, 1e4, N), opacities=rng.uniform(0, 0.1, N)),
        "crowded": random_case(12, means2d=np.full((N, 2), [9.7, 8.2]), opacities=rng.uniform(0, 0.02, N)),
        "exact_edges": random_case(13, means2d=_centres(rng), radii=rng.integers(1, 8, N)),
        "one_alive": random_case(14, alive=np.arange(N) == 17),
        "none_alive": random_case(15, alive=np.zeros(N, bool)),
        "gaussians": gaussian_case(1),
        "gaussians_ties": gaussian_case(2, depths=rng.integers(1, 4, N)),
        "gaussians_behind": gaussian_case(3, depths=rng.choice([-1.0, 0.0, 1e-30, 2.0], N)),
        "gaussians_off_image": gaussian_case(4, means2d=rng.uniform(-60, 60, (N, 2)), conics=conics(rng, 5, 60)),
        "gaussians_borders": gaussian_case(6, means2d=border),
        "gaussians_opaque": gaussian_case(7, means2d=_centres(rng), opacities=np.ones(N)),
        "gaussians_sub_pixel": gaussian_case(9, means2d=_centres(rng), conics=conics(rng, 0.05, 0.3)),
        "gaussians_needles": gaussian_case(16, conics=conics(rng, 0.3, 6)),
        "gaussians_degenerate": gaussian_case(17, conics=rng.choice([-1.0, 0.0, 0.05, 0.5, 1.0], (N, 3))),
        "gaussians_crowded": gaussian_case(12, means2d=np.full((N, 2), [9.7, 8.2]), opacities=np.full(N, 0.03)),
        "gaussians_faint": gaussian_case(18, opacities=rng.uniform(0, 0.008, N)),
    }


each_case = pytest.mark.parametrize("name", all_cases())
each_limit = pytest.mark.parametrize("limit", [None, 3], ids=["exact", "nearest_3"])


def options(backend: str, limit: int | None = None) -> dict:
    common = {
        "image_size": SIZE,
        "max_points_per_pixel": limit,
        "max_overlaps": MAX_OVERLAPS if backend != "reference" else None,
    }
    if backend == INTERPRETED:
        return common | {"backend": "pallas", "lowering": "interpret"}
    return common | {"backend": backend}


def draw(arrays: dict, *, backend: str, limit: int | None = None) -> rasterizer.Splats:
    return _draw(arrays, backend, limit)


def pull(arrays: dict, d_image, d_alpha, *, backend: str, limit: int | None = None) -> dict:
    """Gradients of <image, d_image> + <alpha, d_alpha>."""
    return _pull(arrays, d_image, d_alpha, backend, limit)


def call(arrays: dict, **options) -> rasterizer.Splats:
    """Discs or Gaussians, by what there is."""
    return (rasterizer.splat if "radii" in arrays else rasterizer.splat_gaussians)(**arrays, **options)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _draw(arrays, backend, limit):
    return call(arrays, **options(backend, limit))


@functools.partial(jax.jit, static_argnums=(3, 4))
def _pull(arrays, d_image, d_alpha, backend, limit):
    smooth = {name: arrays[name] for name in DIFFERENTIABLE if name in arrays}

    def inner_product(smooth):
        out = call(arrays | smooth, **options(backend, limit))
        return jnp.sum(out.image * d_image) + jnp.sum(out.alpha * d_alpha)

    return jax.grad(inner_product)(smooth)


def cotangents(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    d_image = rng.normal(size=(*SIZE, CHANNELS)).astype(np.float32)
    return d_image, rng.normal(size=SIZE).astype(np.float32)
