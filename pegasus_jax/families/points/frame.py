"""One frame of an avatar: canonical points, moved by FLAME parameters, shaded and splatted."""

import jax

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.families.free_points.head_space import HeadSpace, frame_motion
from pegasus_jax.families.points.networks import AvatarNetworks
from pegasus_jax.families.points.posing import CanonicalPoints, pose_points
from pegasus_jax.families.points.render import FramePoints, render_points


def frame_points(
    networks: AvatarNetworks,
    space: HeadSpace,
    points: CanonicalPoints,
    z: jax.Array,
    params: FlameParams,
    *,
    radius: jax.Array,
    alive: jax.Array | None,
    jacobian_gradient: bool = True,
) -> FramePoints:
    """N canonical points, moved and shaded, under the parameters of one frame and a latent z (Z,).

    `radius` () is in NDC; `alive` (N,) marks the slots that hold a point.
    """
    motion = frame_motion(space, params)
    bases = networks.deformation.bases()
    posed = pose_points(
        points, bases, motion, head_prior=networks.config.head_prior, normals=True, jacobian_gradient=jacobian_gradient
    )
    return FramePoints(
        positions_d=posed.positions_d,
        normals_d=posed.normals_d,
        shading=networks.shading(posed.normals_d, z),
        albedo=points.albedo,
        seg_logit=points.seg_logit,
        opacity=points.opacity,
        inner=points.inner,
        radius=radius * points.scale,
        alive=alive,
    )


def render_frames(
    networks: AvatarNetworks,
    space: HeadSpace,
    points: CanonicalPoints,
    z: jax.Array,
    motion: Motion,
    *,
    radius: jax.Array,
    alive: jax.Array | None,
    options: RenderOptions,
    jacobian_gradient: bool = True,
) -> Render:
    """The pictures of `frame_points` in B frames: arrays of `motion`, and results, have a leading axis of B."""

    def one(frame: Motion) -> Render:
        moved = frame_points(
            networks,
            space,
            points,
            z,
            frame.params,
            radius=radius,
            alive=alive,
            jacobian_gradient=jacobian_gradient,
        )
        return render_points(moved, frame.cameras, options=options)

    return jax.vmap(one)(motion)
