"""Loads the native library on first use and calls it."""

import ctypes
import functools
import logging

import jax
import jax.numpy as jnp
import numpy as np

from rasterizer.cpu import build
from rasterizer.footprints import DISC
from rasterizer.types import Composite, Scene, SceneGradients, Settings

_log = logging.getLogger(__name__)

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
        library = ctypes.CDLL(str(build.library()))
        jax.ffi.register_ffi_target(_FORWARD, jax.ffi.pycapsule(library.RasterizerForward), platform="cpu")
        jax.ffi.register_ffi_target(_BACKWARD, jax.ffi.pycapsule(library.RasterizerBackward), platform="cpu")
        _try_one_point()
    except build.BuildError as error:
        return str(error)
    except Exception as error:  # whatever a loader or XLA raises, there is xla to fall back to
        return f"the native library does not load: {error}"
    return None


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
        one = jnp.ones(1, jnp.float32)
        column = one[:, None]
        scene = Scene(jnp.full((1, 2), 0.5), one, jnp.ones((1, 2)), column, column, one, jnp.ones(1, bool))
        alpha = jax.jit(functools.partial(composite, settings))(scene).alpha
    if not np.allclose(alpha, 1):
        raise RuntimeError(f"one opaque point has alpha {np.asarray(alpha)}")
