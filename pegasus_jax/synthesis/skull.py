"""The tracked head model in every frame: where it covers the picture, and its normals there."""

import dataclasses
import functools

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data import Camera, Dataset
from pegasus_jax.flame import lbs
from pegasus_jax.flame.head_discs import CAPACITY, splat_triangles
from pegasus_jax.flame.model import HeadModel

_SAMPLES = 4  # per pixel along each side, for the outline: discs would make the head larger
_SUBPIXEL_BITS = 4


@dataclasses.dataclass(frozen=True)
class SkullPicture:
    """The bare head of one frame."""

    alpha: np.ndarray  # (H, W) in [0, 1]
    normals: np.ndarray  # (H, W, 3), unit length where anything is near, world axes
    is_face: np.ndarray  # (H, W) in [0, 1]: how much of it is the head model's face


def skull_picture(head: HeadModel, clip: Dataset, index: int) -> SkullPicture:
    """The head model, as tracked, in one frame of a clip."""
    drive = (clip.frame_betas[index], clip.expression[index], clip.pose[index])
    capacity = CAPACITY
    while True:
        means2d, blended, picture, overflow = _draw(head, *drive, clip.camera(index), capacity=capacity)
        if not int(overflow):
            break
        capacity *= 2
    picture = np.asarray(picture) / np.maximum(np.asarray(blended), 1e-3)[..., None]
    length = np.linalg.norm(picture[..., :3], axis=-1, keepdims=True)
    return SkullPicture(
        alpha=_coverage(np.asarray(means2d)[np.asarray(head.faces)], clip.image_size),
        normals=picture[..., :3] / np.maximum(length, 1e-6),
        is_face=picture[..., 3],
    )


def _coverage(triangles: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """(H, W) float32: how much of each pixel triangles (F, 3, 2) in pixels cover together."""
    height, width = image_size
    canvas = np.zeros((height * _SAMPLES, width * _SAMPLES), np.uint8)
    # OpenCV puts the centre of the first pixel at 0, and takes whole numbers with some binary places.
    corners = np.round((triangles * _SAMPLES - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for triangle in corners:
        cv2.fillConvexPoly(canvas, triangle, 1, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    return cv2.resize(canvas.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)


@functools.partial(jax.jit, static_argnames="capacity")
def _draw(head: HeadModel, betas, expression, pose, camera: Camera, *, capacity: int):
    """Vertices (V, 2) in pixels, alpha (H, W), blended normals and faceness (H, W, 4), and pairs that did not fit."""
    face = jnp.asarray(head.regions.get("face", np.ones(head.num_vertices, bool)), jnp.float32)
    vertices = lbs.vertices(head, betas, expression, pose)
    faces = jnp.asarray(head.faces)
    corners = vertices[faces]
    normals = jnp.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = normals / (jnp.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9)
    features = jnp.concatenate([normals, face[faces].mean(axis=1, keepdims=True)], axis=1)
    out = splat_triangles(vertices, faces, features, camera, max_overlaps=capacity)
    return camera.project(vertices)[0], out.alpha, out.image, out.overflow
