"""Times the rasteriser's backends side by side in one run, and prints one table.

    python benchmarks/splatting.py --backends=cpu,xla,plain --repeats=5
    python benchmarks/splatting.py --footprint=gaussians --backends=cpu,xla
    python benchmarks/splatting.py --scaling

RASTERIZER_ISA=avx2 (or baseline) measures the native kernels of a lower instruction set. `plain` is a straightforward
single-threaded C++ splat of discs, forward only (plain_splat.cc, compiled here with -O3 -march=native). `--scaling`
compares one thread with all, and one image with a batch. splatting_memory.py measures the backends' memory,
splatting_growth.py how the native one's time grows with the number of points.
"""

import argparse
import ctypes
import functools
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
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
    deviations: tuple[float, float] | None = None  # Gaussians, with standard deviations between these pixels


JOBS = (
    Job(6_000, 128, 0.02, 8, 4),
    Job(25_000, 128, 0.015, 8, 4),
    Job(25_000, 256, 0.015, 7, 1),
    Job(102_000, 512, 0.006, 7, 1),
    Job(174_000, 512, 0.005, 7, 1),
)

GAUSSIAN_JOBS = (
    Job(22_000, 256, 0.0, 3, 1, (1.0, 4.0)),
    Job(22_000, 256, 0.0, 3, 2, (1.0, 4.0)),
    Job(30_000, 256, 0.0, 3, 1, (0.75, 2.25)),
    Job(60_000, 512, 0.0, 3, 1, (1.0, 3.0)),
    Job(174_000, 512, 0.0, 3, 1, (0.6, 1.8)),
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


def gaussian_shapes(job: Job) -> tuple[jax.Array, jax.Array]:
    """Conics (batch, N, 3) of any direction, and opacities (batch, N)."""
    assert job.deviations is not None
    rng = np.random.default_rng(1)
    along, across = rng.uniform(*job.deviations, (2, job.batch, job.points)) ** -2.0
    angle = rng.uniform(0, np.pi, along.shape)
    cos, sin = np.cos(angle), np.sin(angle)
    conics = [cos**2 * along + sin**2 * across, cos * sin * (along - across), sin**2 * along + cos**2 * across]
    opacities = rng.uniform(0.3, 0.95, along.shape)
    return jnp.asarray(np.stack(conics, axis=-1), jnp.float32), jnp.asarray(opacities, jnp.float32)


class Program(NamedTuple):
    """A compiled program and its arguments."""

    compiled: jax.stages.Compiled
    arguments: tuple[jax.Array, ...]

    def __call__(self) -> object:
        return self.compiled(*self.arguments)


def passes(job: Job, backend: str) -> dict[str, Program]:
    """The forward pass, and the forward and backward pass, compiled and ready to call."""
    means2d, depths, features, cotangent = sphere(job)
    common = {"image_size": (job.size, job.size), "backend": backend}

    def discs(means2d, radius, features, depths):
        draw = functools.partial(rasterizer.splat, max_overlaps=4 * job.points, **common)
        return jax.vmap(lambda m, d, f: draw(m, d, radius, f).image)(means2d, depths, features)

    def gaussians(means2d, shapes, features, depths):
        draw = functools.partial(rasterizer.splat_gaussians, max_overlaps=24 * job.points, **common)
        return jax.vmap(lambda m, s, d, f: draw(m, s[0], d, s[1], f).image)(means2d, shapes, depths, features)

    images, shapes = (gaussians, gaussian_shapes(job)) if job.deviations else (discs, _radius(job))

    def loss(means2d, shapes, features, depths, cotangent):
        image = images(means2d, shapes, features, depths)
        return jnp.sum(image * cotangent[None]), image

    def program(function, *arguments):
        return Program(jax.jit(function).lower(*arguments).compile(), arguments)

    arguments = (means2d, shapes, features, depths)
    both = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)
    return {"forward": program(images, *arguments), "forward + backward": program(both, *arguments, cotangent)}


def _radius(job: Job) -> jax.Array:
    return jnp.float32(job.radius * job.size / 2)


@functools.cache
def plain_library() -> ctypes.CDLL:
    """Compiles plain_splat.cc."""
    target = pathlib.Path(tempfile.mkdtemp()) / "plain_splat.so"
    source = pathlib.Path(__file__).with_name("plain_splat.cc")
    flags = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-shared"]
    subprocess.run([*shlex.split(os.environ.get("CXX", "c++")), *flags, str(source), "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))


def plain_passes(job: Job) -> dict[str, Callable[[], object]]:
    """The plain splat of the same job, image by image."""
    means2d, depths, features, _ = (np.asarray(a) for a in sphere(job))
    image = np.empty((job.size, job.size, job.channels), np.float32)
    draw = plain_library().PlainSplat

    def pointer(array: np.ndarray):
        return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))

    def forward():
        for means, depth, feature in zip(means2d, depths, features):
            draw(
                ctypes.c_int64(job.points),
                ctypes.c_int64(job.channels),
                job.size,
                job.size,
                pointer(means),
                pointer(depth),
                ctypes.c_float(job.radius * job.size / 2),
                pointer(feature),
                pointer(image),
            )
        return image

    return {"forward": forward}


def scaling() -> None:
    """Threads and batches of the native backend."""
    job = JOBS[-1]
    print(f"{job.points} points, {job.size}², C = {job.channels}")
    for which in ("forward", "forward + backward"):
        all_threads, one_thread = (_in_child(which, threads) for threads in (os.cpu_count(), 1))
        print(
            f"{which}: {one_thread:.1f} ms on one thread, {all_threads:.1f} ms on {os.cpu_count()}: "
            f"x {one_thread / all_threads:.2f}",
            flush=True,
        )
    single, batched = JOBS[2], JOBS[2]._replace(batch=8)
    times = [milliseconds(passes(j, "cpu")["forward"], 10) / j.batch for j in (single, batched)]
    print(f"a batch of 8 under vmap: {times[1] / times[0]:.2f} of the time of one image, each")


def _in_child(which: str, threads: int) -> float:
    """Milliseconds of the last job in a process that may use so many processors."""
    command = [sys.executable, __file__, "--child", which, str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def _child(which: str, threads: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    print(milliseconds(passes(JOBS[-1], "cpu")[which], 10))


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
    parser.add_argument(
        "--backends", default="cpu,xla,plain", help="comma-separated; the first is the unit of the ratios"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--footprint", choices=["discs", "gaussians"], default="discs")
    parser.add_argument("--jobs", type=int, help="only this many, smallest first")
    parser.add_argument("--scaling", action="store_true", help="threads and batches instead")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return _child(options.child[0], int(options.child[1]))
    if options.scaling:
        return scaling()
    backends = options.backends.split(",")
    kind, instructions = jax.devices()[0].device_kind, rasterizer.instruction_set()
    print(f"jax {jax.__version__} on {kind}, native kernels for {instructions}; fastest of {options.repeats}")
    print("| points | pixels | C | batch | pass | " + " | ".join(f"{name}, ms" for name in backends) + " | ratios |")
    print("|---" * (6 + len(backends)) + "|")
    jobs = JOBS if options.footprint == "discs" else GAUSSIAN_JOBS
    for job in jobs[: options.jobs]:
        calls = {name: plain_passes(job) if name == "plain" else passes(job, name) for name in backends}
        for which in ("forward", "forward + backward"):
            times = [milliseconds(c[which], options.repeats) if which in c else float("nan") for c in calls.values()]
            cells = [job.points, f"{job.size}²", job.channels, job.batch, which]
            cells += [f"{t:.1f}" for t in times] + [" : ".join(f"{t / times[0]:.2f}" for t in times)]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
