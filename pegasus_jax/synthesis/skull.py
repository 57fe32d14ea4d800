"""The tracked head model in every frame: where it covers the picture, and its normals there."""

import dataclasses
import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

import rasterizer
from pegasus_jax.data import Camera, Dataset
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import HeadModel

_DISC_GROWTH = 1.2  # of a triangle's mean corner distance: discs fade outwards
_FIRST_CAPACITY = 1 << 19  # (tile, point) pairs


@dataclasses.dataclass(frozen=True)
class SkullPicture:
    """The bare head of one frame."""

    alpha: np.ndarray  # (H, W) in [0, 1]
    normals: np.ndarray  # (H, W, 3), unit length where alpha is above 0, world axes
    is_face: np.ndarray  # (H, W) in [0, 1]: how much of it is the head model's face


def skull_pictures(head: HeadModel, target: Dataset) -> Iterator[SkullPicture]:
    """The head model, as tracked, in each frame of `target`."""
    cameras = target.cameras()
    face = np.asarray(head.regions["face"]) if "face" in head.regions else np.ones(head.num_vertices, bool)
    capacity = _FIRST_CAPACITY
    for row in range(len(target)):
        camera = jax.tree.map(lambda array, row=row: array[row], cameras)
        drive = (target.frame_betas[row], target.expression[row], target.pose[row])
        while True:
            alpha, picture, overflow = _draw(head, jnp.asarray(face, jnp.float32), *drive, camera, capacity=capacity)
            if not int(overflow):
                break
            capacity *= 2
        picture = np.asarray(picture) / np.maximum(np.asarray(alpha), 1e-3)[..., None]
        length = np.linalg.norm(picture[..., :3], axis=-1, keepdims=True)
        yield SkullPicture(np.asarray(alpha), picture[..., :3] / np.maximum(length, 1e-6), picture[..., 3])


@functools.partial(jax.jit, static_argnames="capacity")
def _draw(head: HeadModel, face, betas, expression, pose, camera: Camera, *, capacity: int):
    """Alpha (H, W), blended normals and faceness (H, W, 4), and pairs that did not fit."""
    vertices = lbs.vertices(head, betas, expression, pose)
    faces = jnp.asarray(head.faces)
    corners = vertices[faces]
    normals = jnp.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = normals / (jnp.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9)
    means2d, depths = camera.project(vertices)
    corners2d = means2d[faces]
    middle = corners2d.mean(axis=1)
    out = rasterizer.splat(
        middle,
        depths[faces].mean(axis=1),
        _DISC_GROWTH * jnp.linalg.norm(corners2d - middle[:, None], axis=-1).mean(axis=1),
        jnp.concatenate([normals, face[faces].mean(axis=1, keepdims=True)], axis=1),
        image_size=camera.image_size,
        max_overlaps=capacity,
    )
    return out.alpha, out.image, out.overflow
