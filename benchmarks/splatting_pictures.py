"""Draws docs/rasterizer/spheres.png: a sphere of discs, the same of Gaussians, and what light the discs let through.

python benchmarks/splatting_pictures.py
"""

import pathlib

import cv2
import numpy as np

import rasterizer

_OUT = pathlib.Path(__file__).parents[1] / "docs" / "rasterizer" / "spheres.png"
_SIDE, _COUNT, _RADIUS = 256, 700, 9.0


def main() -> None:
    """Writes the picture."""
    index = np.arange(_COUNT) + 0.5
    height, angle = 1 - 2 * index / _COUNT, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    normals = np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], axis=1)
    means2d = (_SIDE * (0.5 + 0.4 * normals[:, :2])).astype(np.float32)
    depths = (3 + normals[:, 2]).astype(np.float32)
    colours = (0.5 - 0.5 * normals).astype(np.float32)
    size = (_SIDE, _SIDE)
    discs = rasterizer.splat(means2d, depths, _RADIUS, colours, image_size=size)
    gaussians = rasterizer.splat_gaussians(
        means2d, _conics(normals), depths, np.full(_COUNT, 0.9, np.float32), colours, image_size=size
    )
    light = np.repeat(1 - np.asarray(discs.alpha)[..., None], 3, axis=2)
    tiles = [np.asarray(out.image) + 1 - np.asarray(out.alpha)[..., None] for out in (discs, gaussians)]
    _OUT.parent.mkdir(parents=True, exist_ok=True)
    picture = np.round(255 * np.clip(np.concatenate([*tiles, light], axis=1), 0, 1)).astype(np.uint8)
    cv2.imwrite(str(_OUT), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def _conics(normals: np.ndarray) -> np.ndarray:
    """Flat round Gaussians tangent to the sphere: narrow along the direction in which the surface falls away."""
    across = normals[:, :2] / np.maximum(np.linalg.norm(normals[:, :2], axis=1, keepdims=True), 1e-6)
    wide, narrow = (_RADIUS / 2.5) ** 2, (_RADIUS / 2.5 * np.maximum(np.abs(normals[:, 2]), 0.15)) ** 2
    inverse = np.eye(2) / wide + (1 / narrow - 1 / wide)[:, None, None] * across[:, :, None] * across[:, None, :]
    return np.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], axis=1).astype(np.float32)


if __name__ == "__main__":
    main()
