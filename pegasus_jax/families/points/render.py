"""From posed points to a picture. Spec section 5.3: colour is clamp(2 shading albedo), composited over white."""

import dataclasses

import jax
import jax.numpy as jnp

import rasterizer
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.render import Render, RenderOptions

SHADING_GAIN = 2.0
INNER_SETBACK = 0.03  # head units by which inner points sort behind: discs are coarser than lids and lips are thin
_FEW_POINTS = 1 << 13  # fewer are larger: a young cloud covers many tiles with each
CHANNELS = {"rgb": 3, "normals": 3, "albedo": 3, "shading": 3, "seg_logit": 1, "inner": 1}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class FramePoints:
    """N points of one frame with all that a picture needs of them; sets of points of several avatars can be joined."""

    positions_d: jax.Array  # (N, 3) world axes, head units
    normals_d: jax.Array  # (N, 3), unit length
    shading: jax.Array  # (N, 3)
    albedo: jax.Array  # (N, 3)
    seg_logit: jax.Array  # (N,)
    opacity: jax.Array  # (N,) in [0, 1]
    inner: jax.Array  # (N,) bool: belongs to an eyeball or the inside of the mouth
    radius: jax.Array  # (N,) NDC: half the shorter image side is 1
    alive: jax.Array | None  # (N,) bool: is drawn; None: all are


def colour(shading: jax.Array, albedo: jax.Array) -> jax.Array:
    """clamp(2 s a, 0, 1): the factor is the published code's, not the paper's."""
    return jnp.clip(SHADING_GAIN * shading * albedo, 0.0, 1.0)


def point_radius(points: FramePoints, camera: Camera, *, ndc_per_unit: jax.Array | None) -> jax.Array:
    """Radii (N,) in pixels; with `ndc_per_unit` they grow as the camera comes closer."""
    radius = points.radius * (0.5 * min(camera.image_size))
    return radius if ndc_per_unit is None else radius * camera.ndc_per_unit() / ndc_per_unit


def render_points(
    points: FramePoints,
    camera: Camera,
    *,
    options: RenderOptions,
    ndc_per_unit: jax.Array | None = None,
    extra: jax.Array | None = None,
) -> Render:
    """Splats N posed points, and blends numbers `extra` (N, C) of theirs like colours.

    With `ndc_per_unit` () of the cameras for which the radius holds, points grow as the camera comes closer, so that a
    head does not dissolve into dots; without it the radius holds for all cameras, as published.
    """
    values = {
        "rgb": colour(points.shading, points.albedo),
        "normals": 0.5 * points.normals_d + 0.5,
        "albedo": points.albedo,
        "shading": points.shading,
        "seg_logit": points.seg_logit[:, None],
        "inner": points.inner[:, None].astype(points.shading.dtype),
    }
    features = [values[name] for name in options.channels] + ([] if extra is None else [extra])
    means2d, depths = camera.project(points.positions_d)
    out = rasterizer.splat(
        means2d,
        depths + INNER_SETBACK * points.inner,
        options.point_scale * point_radius(points, camera, ndc_per_unit=ndc_per_unit),
        jnp.concatenate(features, axis=-1),
        image_size=camera.image_size,
        opacities=points.opacity,
        alive=points.alive,
        max_points_per_pixel=options.max_points_per_pixel,
        max_overlaps=options.overlaps_per_point * max(len(depths), _FEW_POINTS),
        backend=options.backend,
    )
    white = 1.0 - out.alpha[..., None]
    pictures: dict[str, jax.Array] = {}
    start = 0
    for name in options.channels:
        picture = out.image[..., start : start + CHANNELS[name]]
        pictures[name] = picture[..., 0] if CHANNELS[name] == 1 else picture + white
        start += CHANNELS[name]
    return Render(
        image=pictures["rgb"],
        alpha=out.alpha,
        normals=pictures.get("normals"),
        albedo=pictures.get("albedo"),
        shading=pictures.get("shading"),
        seg_logit=pictures.get("seg_logit"),
        inner=pictures.get("inner"),
        extra=None if extra is None else out.image[..., start:],
        max_weight=out.max_weight,
        is_front=out.is_front,
        overflow=out.overflow,
        nonfinite=out.nonfinite,
    )
