"""One look of an avatar of points: what its kinds, with networks, baked and fused, have in common."""

import abc
import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core.avatar import BakedLook, Primitives
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.families.points.render import (
    INNER_SETBACK,
    SHADING_GAIN,
    FramePoints,
    colour,
    point_radius,
    render_points,
)

GAUSSIAN_SIGMA = (
    0.519  # of the disc's radius: the least squares of 1 - x^2 by 0.99 exp(-x^2 / 2 sigma^2) over the plane
)
GAUSSIAN_OPACITY = 0.99  # where viewers hold alpha anyway


class PointLook(BakedLook):
    """N points under one latent."""

    max_points_per_pixel: int | None  # where options name none; None: all
    ndc_per_unit: jax.Array | None  # () of the cameras for which the points' radii hold; None: they hold for all
    channels = frozenset({"rgb", "normals", "albedo", "shading", "seg_logit"})

    @abc.abstractmethod
    def frame_points(self, params: FlameParams) -> FramePoints:
        """The points of one frame."""

    def render_frame(
        self, params: FlameParams, camera: Camera, *, options: RenderOptions, extra: jax.Array | None = None
    ) -> Render:
        """The picture of one frame; numbers `extra` (N, C) of the points are blended like colours."""
        limit = options.max_points_per_pixel or self.max_points_per_pixel
        options = dataclasses.replace(options, max_points_per_pixel=limit)
        points = self.frame_points(params)
        return render_points(points, camera, options=options, ndc_per_unit=self.ndc_per_unit, extra=extra)

    def primitives(self, params: FlameParams, camera: Camera) -> Primitives:
        """The points of one frame as Gaussians that look like the discs from `camera`.

        Discs have a size in the picture, Gaussians in space. Points inside eyes and mouth are set back along the
        camera's rays, as they are in our pictures.
        """
        points = self.frame_points(params)
        rotation, translation = camera.T_camera_world[:, :3], camera.T_camera_world[:, 3]
        seen = points.positions_d @ rotation.T + translation[None]
        depth = jnp.maximum(seen[:, 2], 1e-6)
        focal = jnp.sqrt(jnp.abs(camera.intrinsics[0] * camera.intrinsics[1]))
        radius = point_radius(points, camera, ndc_per_unit=self.ndc_per_unit)
        seen = seen * (1.0 + INNER_SETBACK * points.inner / depth)[:, None]
        count = len(depth)
        return Primitives(
            means=(seen - translation[None]) @ rotation,
            quaternions=jnp.broadcast_to(jnp.array([1.0, 0.0, 0.0, 0.0]), (count, 4)),
            scales=jnp.broadcast_to((GAUSSIAN_SIGMA * radius * depth / focal)[:, None], (count, 3)),
            opacities=GAUSSIAN_OPACITY * points.opacity,
            colours=colour(points.shading, points.albedo),
            light=SHADING_GAIN * points.shading,
            normals=points.normals_d,
            alive=jnp.ones(count, bool) if points.alive is None else points.alive,
        )
