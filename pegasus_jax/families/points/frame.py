"""One frame of an avatar: canonical points, moved by a pose and an expression, shaded and splatted."""

import jax

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.points.head_space import HeadSpace, frame_motion
from pegasus_jax.families.points.networks import AvatarNetworks
from pegasus_jax.families.points.posing import CanonicalPoints, pose_points
from pegasus_jax.families.points.render import FramePoints, Render, RenderOptions, render_points


def frame_points(
    networks: AvatarNetworks,
    space: HeadSpace,
    points: CanonicalPoints,
    z: jax.Array,
    *,
    betas: jax.Array,
    expression: jax.Array,
    pose: jax.Array,
    radius: jax.Array,
    alive: jax.Array | None,
    jacobian_gradient: bool = True,
) -> FramePoints:
    """N canonical points, moved and shaded, under betas (100,), expression (50,), pose (15,) and a latent z (Z,).

    `radius` () is in NDC; `alive` (N,) marks the slots that hold a point.
    """
    motion = frame_motion(space, betas, expression, pose)
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


def render_frame(
    networks: AvatarNetworks,
    space: HeadSpace,
    points: CanonicalPoints,
    z: jax.Array,
    *,
    betas: jax.Array,
    expression: jax.Array,
    pose: jax.Array,
    camera: Camera,
    radius: jax.Array,
    alive: jax.Array | None,
    options: RenderOptions,
    jacobian_gradient: bool = True,
) -> Render:
    """The picture of `frame_points`."""
    moved = frame_points(
        networks,
        space,
        points,
        z,
        betas=betas,
        expression=expression,
        pose=pose,
        radius=radius,
        alive=alive,
        jacobian_gradient=jacobian_gradient,
    )
    return render_points(moved, camera, options=options)


def render_frames(
    networks: AvatarNetworks,
    space: HeadSpace,
    points: CanonicalPoints,
    z: jax.Array,
    *,
    betas: jax.Array,
    expression: jax.Array,
    pose: jax.Array,
    cameras: Camera,
    radius: jax.Array,
    alive: jax.Array | None,
    options: RenderOptions,
    jacobian_gradient: bool = True,
) -> Render:
    """`render_frame` for B frames at once: every per-frame argument, and every result, has a leading axis of B."""

    def one(betas, expression, pose, camera) -> Render:
        return render_frame(
            networks,
            space,
            points,
            z,
            betas=betas,
            expression=expression,
            pose=pose,
            camera=camera,
            radius=radius,
            alive=alive,
            options=options,
            jacobian_gradient=jacobian_gradient,
        )

    return jax.vmap(one)(betas, expression, pose, cameras)
