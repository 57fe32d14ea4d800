"""Times the rasteriser's backends side by side in one run, and prints one table.

python benchmarks/splatting.py --backends=cpu,xla --repeats=5
"""

import argparse
import functools
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rasterizer


class Job(NamedTuple):
    points: int
    size: int
    radius: float  # of half the image's side
    channels: int
    batch: int


JOBS = (
    Job(6_000, 128, 0.02, 8, 4),
    Job(25_000, 128, 0.015, 8, 4),
    Job(25_000, 256, 0.015, 7, 1),
    Job(102_000, 512, 0.006, 7, 1),
    Job(174_000, 512, 0.005, 7, 1),
)


def sphere(job: Job) -> tuple[jax.Array, ...]:
    """A batch of spheres that fill most of the image: means2d, depths, features, cotangent."""
    rng = np.random.default_rng(0)
    unit = rng.normal(size=(job.batch, job.points, 3))
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    means2d = job.size * (0.5 + 0.4 * unit[..., :2])
    features = rng.uniform(size=(job.batch, job.points, job.channels))
    cotangent = rng.normal(size=(job.size, job.size, job.channels))
    return tuple(jnp.asarray(a, jnp.float32) for a in (means2d, 3 + unit[..., 2], features, cotangent))


def passes(job: Job, backend: str) -> dict[str, Callable[[], object]]:
    """The forward pass, and the forward and backward pass, compiled and ready to call."""
    means2d, depths, features, cotangent = sphere(job)
    radius = jnp.float32(job.radius * job.size / 2)
    draw = functools.partial(
        rasterizer.splat, image_size=(job.size, job.size), backend=backend, max_overlaps=4 * job.points
    )

    def images(means2d, radius, features):
        return jax.vmap(lambda m, d, f: draw(m, d, radius, f).image)(means2d, depths, features)

    def loss(means2d, radius, features):
        image = images(means2d, radius, features)
        return jnp.sum(image * cotangent[None]), image

    forward = jax.jit(images)
    both = jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))
    arguments = (means2d, radius, features)
    return {"forward": lambda: forward(*arguments), "forward + backward": lambda: both(*arguments)}


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """The fastest of `repeats` calls: other work on the machine only adds."""
    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def main() -> None:
    """Prints the table; ratios are to the first backend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", default="cpu,xla", help="comma-separated; the first is the unit of the ratios")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=len(JOBS), help="only this many, smallest first")
    options = parser.parse_args()
    backends = options.backends.split(",")
    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}; fastest of {options.repeats}")
    print("| points | pixels | C | batch | pass | " + " | ".join(f"{name}, ms" for name in backends) + " | ratios |")
    print("|---" * (6 + len(backends)) + "|")
    for job in JOBS[: options.jobs]:
        calls = {name: passes(job, name) for name in backends}
        for which in ("forward", "forward + backward"):
            times = [milliseconds(calls[name][which], options.repeats) for name in backends]
            cells = [job.points, f"{job.size}²", job.channels, job.batch, which]
            cells += [f"{t:.1f}" for t in times] + [" : ".join(f"{t / times[0]:.1f}" for t in times)]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
