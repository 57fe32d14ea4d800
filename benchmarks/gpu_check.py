"""Verifies the Pallas rasteriser on a GPU and times it, beside gsplat where that is installed; prints one table.

    python benchmarks/gpu_check.py [--repeats=30]

Needs jax for CUDA, numpy and `rasterizer`, nothing else. Exit status 1 if a result is wrong.
"""

import argparse
import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rasterizer


class Job(NamedTuple):
    points: int
    size: int
    radius: float  # of half the image's side
    channels: int


JOBS = (
    Job(25_000, 256, 0.015, 7),
    Job(102_000, 512, 0.006, 7),
    Job(174_000, 512, 0.005, 7),
    Job(174_000, 512, 0.005, 32),
)


def sphere(job: Job) -> dict[str, jax.Array]:
    """Points of a sphere that fills most of the image."""
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(job.points, 3))
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    arrays = {
        "means2d": job.size * (0.5 + 0.4 * unit[:, :2]),
        "depths": 3 + unit[:, 2],
        "features": rng.uniform(size=(job.points, job.channels)),
        "opacities": np.ones(job.points),
    }
    return {name: jnp.asarray(array, jnp.float32) for name, array in arrays.items()}


def scenes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Small scenes with what goes wrong: ties, borders, opaque centres, crowds, sizes from sub-pixel to huge."""
    n, (height, width) = 400, (37, 53)
    for seed, name in enumerate(("random", "ties", "opaque", "crowded", "huge", "gaussians", "gaussians, opaque")):
        rng = np.random.default_rng(seed)
        scene = {
            "means2d": rng.uniform([-2, -2], [width + 2, height + 2], (n, 2)),
            "depths": rng.integers(1, 4, n) if name == "ties" else rng.uniform(0.1, 4, n),
            "features": rng.normal(size=(n, 5)),
            "opacities": rng.uniform(0, 1, n),
        }
        if "opaque" in name:
            scene["means2d"] = np.floor(scene["means2d"]) + 0.5
            scene["opacities"] = np.ones(n)
        if name in ("crowded", "huge"):
            scene["opacities"] = rng.uniform(0, 0.02, n)
        if name == "crowded":
            scene["means2d"] = np.full((n, 2), 9.7)
        if "gaussians" in name:
            wide, narrow = rng.uniform(0.02, 0.2, n), rng.uniform(0.3, 2, n)
            scene["conics"] = np.stack([wide, 0.3 * np.sqrt(wide * narrow), narrow], axis=1)
        else:
            scene["radii"] = rng.uniform(50, 500, n) if name == "huge" else rng.uniform(0.3, 6, n)
        yield name, {key: jnp.asarray(value, jnp.float32) for key, value in scene.items()}


def verify(lowering: str) -> bool:
    """Compares values and gradients with the dense reference; prints the largest differences."""
    size = (37, 53)
    passed = True
    for name, scene in scenes():
        draw = rasterizer.splat_gaussians if "conics" in scene else rasterizer.splat
        smooth = {key: scene[key] for key in ("means2d", "radii", "conics", "features", "opacities") if key in scene}
        cotangent = jnp.asarray(np.random.default_rng(9).normal(size=(*size, 5)), jnp.float32)
        for limit in (None, 3):

            def loss(smooth, backend, *, draw=draw, scene=scene, cotangent=cotangent, limit=limit):
                out = draw(
                    **(scene | smooth),
                    image_size=size,
                    max_points_per_pixel=limit,
                    max_overlaps=30_000,
                    backend=backend,
                    lowering=lowering if backend == "pallas" else None,
                )
                return jnp.sum(out.image * cotangent) + jnp.sum(out.alpha), out

            run = jax.jit(jax.grad(loss, has_aux=True), static_argnums=1)
            with jax.default_matmul_precision("highest"):
                (mine, out), (theirs, reference) = run(smooth, "pallas"), run(smooth, "reference")
            value = float(jnp.max(jnp.abs(out.image - reference.image)))
            slope = max(
                float(jnp.linalg.norm(mine[k] - theirs[k]) / (jnp.linalg.norm(theirs[k]) + 1e-20)) for k in mine
            )
            fronts = int(jnp.sum(out.is_front != reference.is_front))
            good = value <= 1e-5 and slope <= 1e-3 and fronts == 0
            passed &= good
            verdict = "equal" if good else "DIFFERENT"
            print(f"{lowering}: {name}, K={limit}: image {value:.1e}, gradients {slope:.1e}: {verdict}", flush=True)
    return passed


def passes(job: Job, backend: str, lowering: str | None) -> dict[str, Callable[[], object]]:
    """Forward (image only), forward with visibility, and forward + backward, compiled and ready to call."""
    scene = sphere(job)
    radius = jnp.float32(job.radius * job.size / 2)
    draw = functools.partial(
        rasterizer.splat,
        depths=scene["depths"],
        radii=radius,
        image_size=(job.size, job.size),
        max_overlaps=4 * job.points,
        backend=backend,
        lowering=lowering,
    )

    def image(means2d, features):
        return draw(means2d, features=features).image

    def visible(means2d, features):
        return draw(means2d, features=features)

    both = jax.jit(jax.grad(lambda m, f: jnp.sum(image(m, f) ** 2), argnums=(0, 1)))
    calls = {"forward": jax.jit(image), "forward, visibility": jax.jit(visible), "forward + backward": both}
    return {name: functools.partial(call, scene["means2d"], scene["features"]) for name, call in calls.items()}


def gsplat_passes(job: Job) -> dict[str, Callable[[], object]]:
    """gsplat's isotropic Gaussians of the same count, with three deviations as wide as our radius."""
    import gsplat
    import torch

    scene = {name: torch.tensor(np.asarray(array), device="cuda") for name, array in sphere(job).items()}
    focal = float(job.size)
    depth = scene["depths"]
    centred = (scene["means2d"] - job.size / 2) / focal * depth[:, None]
    means = torch.cat([centred, depth[:, None]], dim=1).requires_grad_()
    features = scene["features"].clone().requires_grad_()
    deviation = job.radius * job.size / 2 / 3 * depth / focal
    arguments = {
        "quats": torch.tensor([[1.0, 0, 0, 0]], device="cuda").repeat(job.points, 1),
        "scales": deviation[:, None].repeat(1, 3),
        "opacities": scene["opacities"],
        "viewmats": torch.eye(4, device="cuda")[None],
        "Ks": torch.tensor([[[focal, 0, job.size / 2], [0, focal, job.size / 2], [0, 0, 1]]], device="cuda"),
        "width": job.size,
        "height": job.size,
        "eps2d": 0.0,
    }

    def forward():
        with torch.no_grad():
            gsplat.rasterization(means, colors=features, **arguments)
        torch.cuda.synchronize()

    def both():
        image, _, _ = gsplat.rasterization(means, colors=features, **arguments)
        torch.autograd.grad((image**2).sum(), (means, features))
        torch.cuda.synchronize()

    return {"forward": forward, "forward + backward": both}


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """The median of single calls, each waited for."""
    for _ in range(3):
        jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def main() -> int:
    """Prints the checks and the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}; median of {options.repeats} calls")
    lowerings = [name for name in ("mosaic", "triton") if rasterizer.backend_problem("pallas", lowering=name) is None]
    if not lowerings:
        print(rasterizer.backend_problem("pallas"))
        return 1
    passed, makers = True, {}
    for lowering in lowerings:
        try:
            passed &= verify(lowering)
            makers[f"pallas/{lowering}"] = functools.partial(passes, backend="pallas", lowering=lowering)
        except Exception as error:  # the other lowering is still worth its figures
            print(f"{lowering} FAILED: {type(error).__name__}: {str(error)[:800]}", flush=True)
            passed = False
    makers["xla"] = functools.partial(passes, backend="xla", lowering=None)
    makers["gsplat"] = gsplat_passes
    print("| points | pixels | C | pass | " + " | ".join(f"{name}, ms" for name in makers) + " |")
    print("|---" * (4 + len(makers)) + "|")
    for job in JOBS:
        calls: dict[str, dict[str, Callable[[], object]]] = {}
        for name, make in makers.items():
            try:
                calls[name] = make(job)
            except Exception as error:
                print(f"{name}: not measured: {type(error).__name__}: {str(error)[:300]}", flush=True)
                calls[name] = {}
        for which in ("forward", "forward, visibility", "forward + backward"):
            cells = [f"{milliseconds(c[which], options.repeats):.3f}" if which in c else "-" for c in calls.values()]
            print(f"| {job.points} | {job.size}² | {job.channels} | {which} | " + " | ".join(cells) + " |", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
