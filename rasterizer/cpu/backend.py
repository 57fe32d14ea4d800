"""Loads the native library on first use and calls it."""

import ctypes
import functools
import logging
import os

import jax
import jax.numpy as jnp
import numpy as np

from rasterizer.cpu import build
from rasterizer.footprints import DISC
from rasterizer.types import Composite, Scene, SceneGradients, Settings

_log = logging.getLogger(__name__)

INSTRUCTION_SETS = ("avx512", "avx2", "baseline")
"""What the kernels are compiled for, fastest first; a processor may lack some."""

_FORWARD, _BACKWARD = "rasterizer_forward", "rasterizer_backward"


@functools.cache
def problem() -> str | None:
    """Why the backend cannot run here, or None if it can. The first call may compile it."""
    reason = _load()
    if reason:
        _log.warning("no native rasteriser, programs for the CPU use the slower xla backend: %s", reason)
    return reason


def _load() -> str | None:
    try:
        library = _library()
        if wanted := os.environ.get("RASTERIZER_ISA"):
            use_instruction_set(wanted)
        jax.ffi.register_ffi_target(_FORWARD, jax.ffi.pycapsule(library.RasterizerForward), platform="cpu")
        jax.ffi.register_ffi_target(_BACKWARD, jax.ffi.pycapsule(library.RasterizerBackward), platform="cpu")
        _try_one_point()
    except build.BuildError as error:
        return str(error)
    except Exception as error:  # whatever a loader or XLA raises, there is xla to fall back to
        return f"the native library does not load: {error}"
    return None


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(build.library()))
    library.RasterizerInstructionSet.restype = ctypes.c_char_p
    library.RasterizerUseInstructionSet.restype = ctypes.c_bool
    return library


def instruction_set() -> str | None:
    """What the native backend's kernels are compiled for, or None where it cannot run.

    It is the fastest of `INSTRUCTION_SETS` that the processor has, unless $RASTERIZER_ISA names another.
    """
    return None if problem() else _library().RasterizerInstructionSet().decode()


def use_instruction_set(name: str) -> None:
    """Changes the kernels of this process, between calls.

    Raises:
      ValueError: an instruction set that is unknown, or that this processor lacks.
    """
    if not _library().RasterizerUseInstructionSet(name.encode()):
        known = ", ".join(INSTRUCTION_SETS)
        raise ValueError(f"this processor cannot run the instruction set {name!r}; there are {known}")


def composite(settings: Settings, scene: Scene) -> Composite:
    """Draws `scene`, on a CPU."""
    n, channels = scene.features.shape
    shapes = [(*settings.image_size, channels), settings.image_size, (n,)]
    outputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    call = jax.ffi.ffi_call(_FORWARD, (*outputs, jax.ShapeDtypeStruct((n,), bool)), vmap_method="broadcast_all")
    image, alpha, max_weight, is_front = call(*scene, **_attributes(settings))
    return Composite(image, alpha, max_weight, is_front, jnp.zeros((), jnp.int32))


def gradients(settings: Settings, scene: Scene, d_image: jax.Array, d_alpha: jax.Array) -> SceneGradients:
    """Cotangents of the scene from those of image (H, W, C) and alpha (H, W), on a CPU."""
    parts = (scene.means2d, scene.shapes, scene.features, scene.opacities)
    outputs = [jax.ShapeDtypeStruct(part.shape, jnp.float32) for part in parts]
    call = jax.ffi.ffi_call(_BACKWARD, outputs, vmap_method="broadcast_all")
    return SceneGradients(*call(*scene, d_image, d_alpha, **_attributes(settings)))


def _attributes(settings: Settings) -> dict[str, np.generic]:
    limit = settings.max_points_per_pixel or 0
    return {"limit": np.int64(limit), "min_transmittance": np.float32(settings.footprint.min_transmittance)}


def _try_one_point() -> None:
    """A library built for another FFI version registers, and fails when called."""
    settings = Settings(DISC, (1, 1), None, 0, "cpu", "")
    with jax.default_device(jax.local_devices(backend="cpu")[0]), jax.ensure_compile_time_eval():
        one = jnp.ones(1, jnp.float32)  # whatever the default is
        column, pair = one[:, None], jnp.ones((1, 2), jnp.float32)
        scene = Scene(pair / 2, one, pair, column, column, one, jnp.ones(1, bool))
        alpha = jax.jit(functools.partial(composite, settings))(scene).alpha
    if not np.allclose(alpha, 1):
        raise RuntimeError(f"one opaque point has alpha {np.asarray(alpha)}")
