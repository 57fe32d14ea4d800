"""A look as plain arrays that anything can pose: a program in JAX that is stored with them, NumPy, a web page.

`docs/export.md` says what each array is; `docs/pose_gaussians.py` poses and projects them with NumPy alone. The
person's shape is part of them, so that of the head model only what moves the Gaussians by expression and pose is there.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.drawing import draw_frame, over_white
from pegasus_jax.families.gaussians.params import Bases, Mixer, Params, logits, opacities
from pegasus_jax.families.gaussians.rig import Rig
from pegasus_jax.npz_file import write_npz

PLATFORMS = ("cpu", "cuda", "tpu")
PROGRAM = "program"
_OVERLAPS_PER_GAUSSIAN = 4  # pairs of a tile and a Gaussian that the program has room for
MIXER = {f"mixer_{field.name}": field.name for field in dataclasses.fields(Mixer)}
_OF_RIG = ("rest", "motion", "pose_features", "lbs_weights", "joints", "joint_motion", "depth_bias")
DRIVING = ("driving_mean", "driving_deviation", "driving_low", "driving_high")


def portable_arrays(look: GaussianLook) -> dict[str, np.ndarray]:
    """Returns all that a frame needs, by name; offsets and what bases add to them are in head units."""
    params, rig = look.params, look.rig
    arrays = {name: getattr(rig, name) for name in (*_OF_RIG, *DRIVING)} | {
        "offset": params.offset * rig.freedom[None],
        "quaternion": params.quaternion,
        "scale": jnp.exp(params.log_scale),
        "opacity": opacities(params, rig),
        "colour": params.colour,
        "basis_offset": params.bases.offset * rig.basis_freedom[None, None],
        "basis_rotation": params.bases.rotation * rig.basis_share[None, None],
        "basis_colour": params.bases.colour * rig.basis_share[None, None],
        **{name: getattr(params.mixer, field) for name, field in MIXER.items()},
        "training_side": look.training_side,
    }
    return {name: np.asarray(array) for name, array in arrays.items()}


def write_portable(path: str | os.PathLike, look: GaussianLook, *, image_size: int) -> None:
    """Writes the arrays, and a program that draws them in square pictures, as one `.npz`."""
    arrays = portable_arrays(look)
    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items()}
    frame = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((15,), (50,), (3, 4), (4,))]

    def draw(arrays, pose, expression, T_camera_world, intrinsics):
        camera = Camera(T_camera_world, intrinsics, (image_size, image_size))
        return draw_arrays(arrays, pose, expression, camera)

    exported = jax.export.export(jax.jit(draw), platforms=PLATFORMS)(shapes, *frame)
    write_npz(path, arrays | {PROGRAM: np.frombuffer(exported.serialize(), np.uint8)})


def draw_arrays(
    arrays: Mapping[str, Any], pose: jax.Array, expression: jax.Array, camera: Camera
) -> dict[str, jax.Array]:
    """Returns one frame's `image` (H, W, 3) over white, `alpha` (H, W), and `overflow`, pairs that had no room."""
    params, rig = rebuilt(arrays)
    render = over_white(
        draw_frame(
            params,
            rig,
            expression,
            pose,
            camera,
            training_side=arrays["training_side"],
            max_overlaps=_OVERLAPS_PER_GAUSSIAN * rig.num_gaussians,
            backend="xla",  # what `jax.export` can take along
        )
    )
    return {"image": render.image, "alpha": render.alpha, "overflow": render.overflow}  # type: ignore[dict-item]


def rebuilt(arrays: Mapping[str, Any]) -> tuple[Params, Rig]:
    """Returns parameters and rig of `portable_arrays`, with units of 1: offsets are head units already."""
    ones = jnp.ones_like(jnp.asarray(arrays["opacity"]))
    params = Params(
        offset=arrays["offset"],
        quaternion=arrays["quaternion"],
        log_scale=jnp.log(arrays["scale"]),
        opacity_logit=logits(arrays["opacity"]),
        colour=arrays["colour"],
        bases=Bases(arrays["basis_offset"], arrays["basis_rotation"], arrays["basis_colour"]),
        mixer=Mixer(**{field: arrays[name] for name, field in MIXER.items()}),
    )
    rig = Rig(
        **{name: arrays[name] for name in (*_OF_RIG, *DRIVING)},
        freedom=ones,
        basis_freedom=ones,
        basis_share=ones,
        spacing=ones,
        part=jnp.zeros(ones.shape, jnp.int32),
    )
    return params, rig
