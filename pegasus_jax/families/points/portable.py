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

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.free_points.deformation import Bases
from pegasus_jax.families.free_points.head_space import FrameMotion, HeadSpace, with_ghost_bone
from pegasus_jax.families.free_points.skinning import normalize
from pegasus_jax.families.points import octahedral
from pegasus_jax.families.points.baked import BakedPointLook
from pegasus_jax.families.points.baked_points import BakedRest, pose_baked
from pegasus_jax.families.points.fused import FusedPointLook
from pegasus_jax.families.points.portable_set import common_arrays, joined, point_set
from pegasus_jax.families.points.render import FramePoints, RenderOptions, render_points
from pegasus_jax.flame import lbs
from pegasus_jax.npz_file import write_npz

PLATFORMS = ("cpu", "cuda", "tpu")
PROGRAM = "program"
Arrays = Mapping[str, Any]  # of NumPy or JAX


def portable_arrays(baked: BakedPointLook | FusedPointLook) -> dict[str, np.ndarray]:
    """All that a frame needs, by name, under the avatar's own betas."""
    if isinstance(baked, FusedPointLook):
        return _fused_arrays(baked)
    everything = np.arange(len(baked.points.opacity))
    arrays = point_set(baked, everything, space=baked.space, betas=baked.betas) | _lent_to_nobody()
    return arrays | _common(baked, baked.space)


def _fused_arrays(baked: FusedPointLook) -> dict[str, np.ndarray]:
    """Only the points that are drawn: those of the target that are kept, then those that are taken of the source."""
    kept, taken = np.flatnonzero(baked.kept), np.flatnonzero(baked.taken)
    space, betas = baked.target.space, baked.betas
    target = point_set(baked.target, kept, space=space, betas=betas)
    source = point_set(baked.source, taken, space=space, betas=betas)
    source["radius"] = source["radius"] * np.float32(baked.radius_ratio())
    by = baked.blending
    filler = np.asarray(by.rows) < len(baked.taken)
    lent_to = len(kept) + np.searchsorted(taken, np.asarray(by.rows)[filler])
    lent_from = np.searchsorted(kept, np.asarray(by.neighbours)[filler])
    share = np.asarray(by.weights)[filler]
    arrays = joined(target, source)
    arrays["albedo"][lent_to] = np.einsum("ckd,ck->cd", arrays["albedo"][lent_from], share)
    lent = {"lent_to": lent_to.astype(np.int32), "lent_from": lent_from.astype(np.int32), "lent_share": share}
    return arrays | lent | _common(baked, space)


def _common(baked: BakedPointLook | FusedPointLook, space: HeadSpace) -> dict[str, np.ndarray]:
    return common_arrays(space, baked.betas) | {
        "ndc_per_unit": np.asarray(0.0 if baked.ndc_per_unit is None else baked.ndc_per_unit, np.float32)
    }


def _lent_to_nobody() -> dict[str, np.ndarray]:
    pairs = np.zeros((0, 1), np.int32)
    return {"lent_to": np.zeros(0, np.int32), "lent_from": pairs, "lent_share": pairs.astype(np.float32)}


def frame_points(arrays: Arrays, pose: jax.Array, expression: jax.Array) -> FramePoints:
    """The N points in one frame: pose (15,) radians, expression (50,)."""
    pose_feature = lbs.pose_feature(pose) - arrays["pose_feature_c"]
    by_mean = expression - arrays["expression_c"]
    joints = arrays["joints"] + arrays["joints_by_expression"] @ expression
    motion = FrameMotion(
        T_d_rest=with_ghost_bone(lbs.chain(joints, pose)),
        pose_feature_delta=pose_feature,
        expression_delta=by_mean,
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
        normals_d=normalize(_lent(posed.normals_d, arrays)),
        shading=_lent(octahedral.lookup_of(arrays["shading"], arrays["table"], posed.normals_d), arrays),
        albedo=arrays["albedo"],
        seg_logit=arrays["seg_logit"],
        opacity=arrays["opacity"],
        inner=arrays["inner"],
        radius=arrays["radius"],
        alive=None,
    )


def _lent(own: jax.Array, arrays: Arrays) -> jax.Array:
    """Values (N, 3), of which some points have not their own, but the mean of others'."""
    mixed = jnp.sum(own[arrays["lent_from"]] * arrays["lent_share"][..., None], axis=1)
    return own.at[arrays["lent_to"]].set(mixed)


def write_portable(path: str | os.PathLike, baked: BakedPointLook | FusedPointLook, *, image_size: int) -> None:
    """Writes the arrays and, as `program`, the renderer for square pictures of this side.

    Raises:
        UserError: the place may not be written to.
    """
    arrays = portable_arrays(baked)
    options = RenderOptions(max_points_per_pixel=baked.max_points_per_pixel, backend="xla")
    size, grows = (image_size, image_size), baked.ndc_per_unit is not None
    program = renderer(arrays, image_size=size, options=options, grows=grows)
    write_npz(path, arrays | {PROGRAM: np.frombuffer(program, np.uint8)})


def renderer(arrays: Arrays, *, image_size: tuple[int, int], options: RenderOptions, grows: bool) -> bytes:
    """A serialised `jax.export` program: arrays, pose (15,), expression (50,), T_camera_world (3, 4), intrinsics (4,).

    It returns image (H, W, 3), alpha (H, W) and overflow (), the point-tile pairs for which there was no room. With
    `grows`, points grow as the camera comes closer than the arrays' `ndc_per_unit` says.
    """

    def render(arrays: Arrays, pose, expression, T_camera_world, intrinsics) -> dict[str, jax.Array]:
        camera = Camera(T_camera_world, intrinsics, image_size)
        per_unit = arrays["ndc_per_unit"] if grows else None
        points = frame_points(arrays, pose, expression)
        out = render_points(points, camera, options=options, ndc_per_unit=per_unit)
        return {"image": out.image, "alpha": out.alpha, "overflow": jnp.asarray(out.overflow)}

    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items()}
    frame = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((15,), (50,), (3, 4), (4,))]
    return bytes(jax.export.export(jax.jit(render), platforms=PLATFORMS)(shapes, *frame).serialize())
