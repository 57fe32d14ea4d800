"""Which devices JAX computes on, how its process keeps memory, and where it keeps what it has compiled."""

import ctypes
import hashlib
import os
import pathlib
import platform
import sys

import jax

from pegasus_jax import atomic
from pegasus_jax.errors import UserError
from rasterizer.cache import make_private

_KEEP_FREED = {  # parameters of glibc's mallopt, by their numbers in malloc.h
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: the heap does not shrink
    -2: 1 << 26,  # M_TOP_PAD: it grows by 64 MiB at a time
    -4: 0,  # M_MMAP_MAX: nothing lives outside it
    -8: 1,  # M_ARENA_MAX: threads share it, since heaps of their own shrink whatever is said
}


def use_device(name: str) -> None:
    """Makes JAX compute on "cpu", "gpu" or "tpu"; "auto" is JAX's own choice (TPU, then GPU, then CPU).

    Call it before anything is computed: JAX fixes its devices at the first use.

    Raises:
        UserError: JAX finds no such device.
    """
    if name == "cpu":
        jax.config.update("jax_platforms", "cpu")  # leaves a GPU untouched, its memory too
    elif name != "auto":
        try:
            jax.devices(name)
        except RuntimeError as error:
            raise UserError(
                f"--device={name}: JAX finds no {name.upper()} here, only {_found()}; {_remedy(name)}"
            ) from error


def make_deterministic() -> None:
    """Makes GPUs add up in a fixed order; call it before anything is computed."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()


def unused_gpu() -> str | None:
    """Why an NVIDIA GPU of this machine is not used, as one sentence; None if there is none or it is used."""
    if not pathlib.Path("/proc/driver/nvidia/gpus").is_dir() or jax.default_backend() == "gpu":
        return None
    return f"This machine has an NVIDIA GPU, but JAX computes on {_found()}: {_remedy('gpu')}"


def set_up_process(cache: pathlib.Path) -> None:
    """What a program does once before it computes: both of the following."""
    keep_freed_memory()
    enable_compilation_cache(cache)


def keep_freed_memory() -> None:
    """Makes glibc keep what is freed for what is allocated next; elsewhere it does nothing.

    On a CPU every step allocates its arrays anew. By default glibc hands large ones back to the system, which clears
    them page by page when they come again: a third of a step's time. Call it before JAX starts its threads.
    """
    if not sys.platform.startswith("linux"):
        return
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:
        for parameter, value in _KEEP_FREED.items():
            change(parameter, value)


def enable_compilation_cache(folder: pathlib.Path) -> None:
    """Keeps compiled programs under `folder` between runs; $JAX_COMPILATION_CACHE_DIR goes first.

    Programs for the CPU are kept apart by kind of CPU: homes are often shared by machines that differ. Where nothing
    can be written, or others may write what we would run, they are not kept, which costs time alone.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    kept = folder / f"xla-{_cpu_kind()}"
    try:
        if not make_private(kept):
            return
        atomic.check_place(kept)
    except (UserError, OSError):
        return
    jax.config.update("jax_compilation_cache_dir", str(kept))


def _found() -> str:
    return ", ".join(sorted({device.platform.upper() for device in jax.devices()}))


def _remedy(name: str) -> str:
    if os.environ.get("JAX_PLATFORMS"):
        return f"JAX_PLATFORMS={os.environ['JAX_PLATFORMS']} is set, unset it."
    extra = "tpu" if name == "tpu" else "cuda13"
    return f"use --device=auto, or install JAX for it: pip install -e '.[{extra}]'."


def _cpu_kind() -> str:
    information = pathlib.Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else [platform.processor()]
    flags = [line for line in lines if line.lower().startswith(("flags", "features"))] or lines
    return hashlib.sha256(f"{platform.machine()} {flags[:1]}".encode()).hexdigest()[:8]


def peak_resident_bytes() -> int:
    """The most bytes of memory that this process has had."""
    import resource  # only here: Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
