"""From Gaussians in space to pictures: projection to ellipses (Zwicker et al. 2001) and splatting."""

import dataclasses

import jax
import jax.numpy as jnp

import rasterizer
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.families.gaussians.params import Params
from pegasus_jax.families.gaussians.posing import PosedGaussians, pose_gaussians
from pegasus_jax.families.gaussians.rig import Rig

_DILATION = 0.3  # square pixels at the size of training, as in 3D Gaussian splatting
_PIXEL = 1.0 / 12.0  # square pixels: variance of a pixel's own square
_EXACT = jax.lax.Precision.HIGHEST
_NEAR = 0.1  # head units: nothing is drawn that is nearer


def dilation(image_side: int | float | jax.Array, training_side: int | float | jax.Array) -> jax.Array:
    """Returns the variance, square pixels, that every ellipse gets at one size of pictures.

    At the size of training it is 0.3. Of that, a pixel's own square makes 1/12 at any size; the rest belongs to the
    avatar, and grows and shrinks with it: drawn smaller, an avatar looks as its larger picture does, averaged.
    """
    scale = jnp.asarray(image_side, jnp.float32) / training_side
    return _PIXEL + (_DILATION - _PIXEL) * scale**2


def splat_posed(
    posed: PosedGaussians,
    intrinsics: jax.Array,
    *,
    image_size: tuple[int, int],
    blur: jax.Array | float,
    depth_bias: jax.Array | float = 0.0,
    max_points_per_pixel: int | None = None,
    max_overlaps: int | None = None,
    backend: str = "auto",
) -> rasterizer.Splats:
    """Returns the picture of Gaussians in camera axes, without background.

    Args:
      posed: N Gaussians in camera axes.
      intrinsics: (4,) pixels.
      image_size: (H, W).
      blur: variance that every ellipse gets, square pixels: see `dilation`.
      depth_bias: (N,) head units: by how much a Gaussian sorts farther than it is.
      max_points_per_pixel: as in `rasterizer.splat_gaussians`.
      max_overlaps: as there.
      backend: as there.
    """
    means2d, conics, depths = _project(posed, intrinsics, blur)
    return rasterizer.splat_gaussians(
        means2d,
        conics,
        jnp.where(depths > _NEAR, depths + depth_bias, 0.0),
        posed.opacities,
        posed.colours.T,
        image_size=image_size,
        max_points_per_pixel=max_points_per_pixel,
        max_overlaps=max_overlaps,
        backend=backend,
    )


def over_white(splats: rasterizer.Splats) -> Render:
    """Returns one frame's picture of its first three channels over white."""
    return Render(
        image=splats.image[..., :3] + (1.0 - splats.alpha[..., None]),
        alpha=splats.alpha,
        max_weight=splats.max_weight,
        is_front=splats.is_front,
        overflow=splats.overflow,
        nonfinite=splats.nonfinite,
    )


def in_camera(posed: PosedGaussians, camera: Camera) -> PosedGaussians:
    """Returns Gaussians of world axes in a camera's."""
    rotation, translation = camera.T_camera_world[:, :3], camera.T_camera_world[:, 3]
    turned = {
        "means": jnp.matmul(rotation, posed.means, precision=_EXACT) + translation[:, None],
        "factors": jnp.einsum("ab,bjn->ajn", rotation, posed.factors, precision=_EXACT),
    }
    return dataclasses.replace(posed, **turned)


def draw_look(
    posed: PosedGaussians,
    camera: Camera,
    *,
    training_side: int | jax.Array,
    options: RenderOptions,
    depth_bias: jax.Array | float = 0.0,
    extra: jax.Array | None = None,
) -> Render:
    """Returns the picture over white of Gaussians in camera axes, as `options` ask for; `extra` (N, C) are blended."""
    posed = dataclasses.replace(posed, factors=options.point_scale * posed.factors)
    if extra is not None:
        posed = dataclasses.replace(posed, colours=jnp.concatenate([posed.colours, extra.T]))
    out = splat_posed(
        posed,
        camera.intrinsics,
        image_size=camera.image_size,
        blur=dilation(min(camera.image_size), training_side),
        depth_bias=depth_bias,
        max_points_per_pixel=options.max_points_per_pixel,
        max_overlaps=options.overlaps_per_point * posed.means.shape[1],
        backend=options.backend,
    )
    picture = over_white(out)
    return picture if extra is None else dataclasses.replace(picture, extra=out.image[..., 3:])


def draw_frame(
    params: Params,
    rig: Rig,
    expression: jax.Array,
    pose: jax.Array,
    camera: Camera,
    *,
    training_side: int | jax.Array,
    noise: jax.Array | float = 0.0,
    max_overlaps: int | None = None,
    backend: str = "auto",
) -> rasterizer.Splats:
    """Returns the picture of one frame, without background; use `jax.vmap` over cameras for more."""
    posed = pose_gaussians(params, rig, expression, pose, T_camera_world=camera.T_camera_world, noise=noise)
    return splat_posed(
        posed,
        camera.intrinsics,
        image_size=camera.image_size,
        blur=dilation(min(camera.image_size), training_side),
        depth_bias=rig.depth_bias,
        max_overlaps=max_overlaps,
        backend=backend,
    )


def _project(
    posed: PosedGaussians, intrinsics: jax.Array, blur: jax.Array | float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Means (N, 2) pixels, conics (N, 3) 1 / pixel^2, depths (N,)."""
    fx, fy, cx, cy = intrinsics
    x, y, depths = posed.means
    inverse = 1.0 / jnp.maximum(depths, _NEAR)
    means2d = jnp.stack([x * inverse * fx + cx, y * inverse * fy + cy], axis=-1)
    # Rows of J F, the factors in pixels: the derivative of the projection at the mean.
    across = (fx * inverse)[None] * (posed.factors[0] - (x * inverse)[None] * posed.factors[2])
    down = (fy * inverse)[None] * (posed.factors[1] - (y * inverse)[None] * posed.factors[2])
    a, b, c = jnp.sum(across**2, axis=0) + blur, jnp.sum(across * down, axis=0), jnp.sum(down**2, axis=0) + blur
    conics = jnp.stack([c, -b, a], axis=-1) / (a * c - b * b)[:, None]
    return means2d, conics, depths
