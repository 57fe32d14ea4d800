"""Oracle: camera and point rasteriser in the published (PyTorch3D) conventions (spec 5.1, 5.2).

View space and NDC have +x left and +y up; depth is positive in front. The shorter side of the image spans [-1, 1] of
NDC, so that a radius r covers r * min(H, W) / 2 pixels both ways. Column j has its centre at u = j + 0.5.
"""

from typing import NamedTuple

import numpy as np


class Camera(NamedTuple):
    """View transform and projection as PyTorch3D sees them (view space: +x left, +y up, +z forward)."""

    rotation: np.ndarray  # (3, 3), view = rotation @ world + translation
    translation: np.ndarray  # (3,)
    projection: np.ndarray  # (4, 4), NDC [-1, 1] across each side of the image


def published_camera(world_mat: np.ndarray, intrinsics: np.ndarray) -> Camera:
    """The loader's conversion (spec 5.1), with rows of the rotation negated so that any rotation is right."""
    i0, i1, i2, i3 = intrinsics
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = 2.0 * i0, 2.0 * i1
    projection[0, 2], projection[1, 2] = -(2.0 * i2 - 1.0), -(2.0 * i3 - 1.0)
    projection[2, 3] = projection[3, 2] = 1.0
    view = np.array(world_mat, dtype=np.float64)[:3]
    if projection[0, 0] < 0.0:
        projection[:, 0] *= -1.0
        view[0] *= -1.0
    view[2] *= -1.0
    return Camera(view[:, :3], view[:, 3], projection)


def project(
    points: np.ndarray, world_mat: np.ndarray, intrinsics: np.ndarray, image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Projected (N, 2) positions in NDC, where the shorter side of the image spans [-1, 1], and depths (N,).

    Points at or behind the camera plane have no image: their positions are NaN.
    """
    height, width = image_size
    camera = published_camera(world_mat, intrinsics)
    view = points @ camera.rotation.T + camera.translation
    clip = np.concatenate([view, np.ones((len(view), 1))], axis=1) @ camera.projection.T
    depth = view[:, 2]
    positions = np.full((len(points), 2), np.nan)
    front = depth > 0.0
    positions[front] = clip[front, :2] / clip[front, 3:4]
    return positions * np.array([width, height]) / min(height, width), depth


def ndc_to_pixels(positions: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """(u, v) from shorter-side NDC; u to the right and v down, column j has its centre at j + 0.5 (spec 5.1)."""
    height, width = image_size
    return 0.5 * (np.array([width, height]) - min(height, width) * positions)


def splat(
    positions: np.ndarray,
    depth: np.ndarray,
    features: np.ndarray,
    radius: float,
    image_size: tuple[int, int],
    max_points_per_pixel: int,
) -> np.ndarray:
    """Front-to-back blend (H, W, C) of the nearest points of each pixel (spec 5.2). Ties go to the lower index."""
    height, width = image_size
    short = min(height, width)
    picture = np.zeros((height, width, features.shape[1]))
    visible = np.flatnonzero(depth > 0.0)
    for row in range(height):
        for column in range(width):
            centre = np.array([width - 2 * column - 1, height - 2 * row - 1]) / short
            squared = ((positions[visible] - centre) ** 2).sum(axis=1)
            covering = squared < radius**2
            index, squared = visible[covering], squared[covering]
            order = np.argsort(depth[index], kind="stable")[:max_points_per_pixel]
            transmittance = 1.0
            for k in order:
                alpha = 1.0 - squared[k] / radius**2
                picture[row, column] += transmittance * alpha * features[index[k]]
                transmittance *= 1.0 - alpha
    return picture
