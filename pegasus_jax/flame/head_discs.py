"""The head model as discs, one for each triangle: a picture of what is where, not a surface to measure."""

import jax
import jax.numpy as jnp

import rasterizer
from pegasus_jax.core.camera import Camera

CAPACITY = 1 << 19  # (tile, point) pairs: ample for a head of some ten thousand triangles
_GROWTH = 1.2  # of a triangle's mean corner distance: discs fade outwards


def splat_triangles(
    vertices: jax.Array,
    faces: jax.Array,
    features: jax.Array,
    camera: Camera,
    *,
    setback: jax.Array | float = 0.0,
    max_overlaps: int = CAPACITY,
) -> rasterizer.Splats:
    """Draws triangles (F, 3) of vertices (V, 3) head units with features (F, C) into the camera's picture.

    `setback` (F,) head units: by how much a triangle sorts farther from the camera than it is.
    """
    means2d, depths = camera.project(vertices)
    corners = means2d[faces]
    middle = corners.mean(axis=1)
    return rasterizer.splat(
        middle,
        depths[faces].mean(axis=1) + setback,
        _GROWTH * jnp.linalg.norm(corners - middle[:, None], axis=-1).mean(axis=1),
        features,
        image_size=camera.image_size,
        max_overlaps=max_overlaps,
    )
