"""A baked look as plain arrays, to be posed without this package: by NumPy, or by a program that is stored with them.

`docs/export.md` says what each array is; `docs/pose_baked.py` reads them with NumPy alone. The person's shape is part
of them, so that of the head model only what moves the points by expression and pose is there.
"""

import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data.camera import Camera
from pegasus_jax.flame import lbs
from pegasus_jax.inference.baked import BakedAvatar
from pegasus_jax.inference.npz_file import write_npz
from pegasus_jax.models import octahedral
from pegasus_jax.models.baked_points import BakedRest, pose_baked
from pegasus_jax.models.deformation import Bases
from pegasus_jax.models.head_space import FrameMotion, with_ghost_bone
from pegasus_jax.models.render import FramePoints, RenderOptions, render_points

PLATFORMS = ("cpu", "cuda", "tpu")
PROGRAM = "program"
Arrays = Mapping[str, Any]  # of NumPy or JAX


def portable_arrays(baked: BakedAvatar) -> dict[str, np.ndarray]:
    """All that a frame needs, by name, under the avatar's own betas."""
    head, points = baked.space.head, baked.points
    vertices, vertex = np.unique(np.asarray(points.rest.nearest), return_inverse=True)
    prior = 1.0 if baked.head_prior else 0.0
    neutral = jnp.zeros_like(baked.space.expression_c)
    arrays = {
        "positions_rest": points.rest.positions_rest,
        "lbs_weights": points.rest.lbs_weights,
        "modes": points.rest.modes,
        "mode_pose": points.rest.mode_bases.pose,
        "mode_expression": points.rest.mode_bases.expression,
        "vertex": vertex.astype(np.int32),
        "vertex_offset": (jnp.asarray(head.shapedirs) @ baked.betas)[vertices],
        "vertex_pose": prior * jnp.asarray(head.posedirs)[:, vertices],
        "vertex_expression": prior * jnp.asarray(head.exprdirs)[vertices],
        "joints": lbs.joints(head, baked.betas, neutral),
        "joints_by_expression": jnp.einsum("jv,vck->jck", head.J_regressor, head.exprdirs),
        "expression_c": baked.space.expression_c,
        "pose_feature_c": baked.space.pose_feature_c,
        "albedo": points.albedo,
        "shading": baked.shading,
        "seg_logit": points.seg_logit,
        "opacity": points.opacity,
        "inner": points.inner,
        "radius": baked.radius * points.scale,
        "ndc_per_unit": np.float32(baked.ndc_per_unit or 0.0),
    }
    return {name: np.asarray(array) for name, array in arrays.items()}


def frame_points(arrays: Arrays, pose: jax.Array, expression: jax.Array) -> FramePoints:
    """The N points in one frame: pose (15,) radians, expression (50,)."""
    pose_feature = lbs.pose_feature(pose) - arrays["pose_feature_c"]
    by_mean = expression - arrays["expression_c"]
    joints = arrays["joints"] + arrays["joints_by_expression"] @ expression
    motion = FrameMotion(
        T_d_rest=with_ghost_bone(lbs.chain(joints, pose)),
        pose_feature=pose_feature,
        expression=by_mean,
        shape_offset=arrays["vertex_offset"],
        blend_offset=arrays["vertex_expression"] @ by_mean
        + jnp.einsum("kvc,k->vc", arrays["vertex_pose"], pose_feature),
    )
    rest = BakedRest(
        positions_rest=arrays["positions_rest"],
        lbs_weights=arrays["lbs_weights"],
        modes=arrays["modes"],
        mode_bases=Bases(pose=arrays["mode_pose"], expression=arrays["mode_expression"]),
        nearest=arrays["vertex"],
    )
    posed = pose_baked(rest, motion, head_prior=True)
    return FramePoints(
        positions_d=posed.positions_d,
        normals_d=posed.normals_d,
        shading=octahedral.lookup(arrays["shading"], posed.normals_d),
        albedo=arrays["albedo"],
        seg_logit=arrays["seg_logit"],
        opacity=arrays["opacity"],
        inner=arrays["inner"],
        radius=arrays["radius"],
        alive=None,
    )


def write_portable(path: str | os.PathLike, baked: BakedAvatar, *, image_size: int) -> None:
    """Writes the arrays and, as `program`, the renderer for square pictures of this side.

    Raises:
        UserError: the place may not be written to.
    """
    arrays = portable_arrays(baked)
    options = RenderOptions(
        max_points_per_pixel=baked.max_points_per_pixel, ndc_per_unit=baked.ndc_per_unit, backend="xla"
    )
    program = renderer(arrays, image_size=(image_size, image_size), options=options)
    write_npz(path, arrays | {PROGRAM: np.frombuffer(program, np.uint8)})


def renderer(arrays: Arrays, *, image_size: tuple[int, int], options: RenderOptions) -> bytes:
    """A serialised `jax.export` program: arrays, pose (15,), expression (50,), T_camera_world (3, 4), intrinsics (4,).

    It returns image (H, W, 3), alpha (H, W) and overflow (), the point-tile pairs for which there was no room.
    """

    def render(arrays: Arrays, pose, expression, T_camera_world, intrinsics) -> dict[str, jax.Array]:
        camera = Camera(T_camera_world, intrinsics, image_size)
        out = render_points(frame_points(arrays, pose, expression), camera, options=options)
        return {"image": out.image, "alpha": out.alpha, "overflow": out.overflow}

    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items()}
    frame = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((15,), (50,), (3, 4), (4,))]
    return bytes(jax.export.export(jax.jit(render), platforms=PLATFORMS)(shapes, *frame).serialize())
