"""What goes into a backend and what comes out of it."""

import dataclasses
from typing import NamedTuple

import jax

from rasterizer.footprints import Footprint


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Splats:
    """A splatted image and what is known about the points in it."""

    image: jax.Array
    """(H, W, C): sum of alpha * transmittance * feature; no background."""
    alpha: jax.Array
    """(H, W): sum of alpha * transmittance, in [0, 1]."""
    max_weight: jax.Array
    """(N,): the largest alpha * transmittance of the point at any pixel; not differentiable."""
    is_front: jax.Array
    """(N,) bool: whether the point is the nearest one covering some pixel; not differentiable."""
    overflow: jax.Array
    """() int32: (tile, point) pairs that did not fit into `max_overlaps` and were not drawn; saturates at 2**30."""
    nonfinite: jax.Array
    """() int32: points skipped because one of their inputs is NaN or infinite."""


class Scene(NamedTuple):
    """Checked points; every number is finite. N points, C channels, one floating dtype."""

    means2d: jax.Array  # (N, 2) pixels
    depths: jax.Array  # (N,) camera z
    extents: jax.Array  # (N, 2) pixels: half the size of the box that holds what is drawn of a point
    shapes: jax.Array  # (N, S): the footprint's parameters
    features: jax.Array  # (N, C)
    opacities: jax.Array  # (N,)
    drawn: jax.Array  # (N,) bool: alive, finite, in front of the camera, of positive size


class Composite(NamedTuple):
    """A backend's outputs, as in `Splats`."""

    image: jax.Array
    alpha: jax.Array
    max_weight: jax.Array
    is_front: jax.Array
    overflow: jax.Array


class SceneGradients(NamedTuple):
    """Cotangents of the differentiable parts of a `Scene`."""

    means2d: jax.Array
    shapes: jax.Array
    features: jax.Array
    opacities: jax.Array

    @classmethod
    def of_rows(cls, rows: jax.Array, footprint: Footprint) -> "SceneGradients":
        """Splits rows (N, own + C) of mean x, mean y, shape, opacity (`num_own` together), then features."""
        own = num_own(footprint)
        return cls(means2d=rows[:, :2], shapes=rows[:, 2 : own - 1], opacities=rows[:, own - 1], features=rows[:, own:])


def num_own(footprint: Footprint) -> int:
    """Numbers of a point besides its features: mean x, mean y, shape, opacity."""
    return 3 + footprint.num_shape


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is static while a scene is drawn."""

    footprint: Footprint
    image_size: tuple[int, int]  # (H, W)
    max_points_per_pixel: int | None  # None: exact
    max_overlaps: int  # capacity of (tile, point) pairs; 0 where the backend needs none
    backend: str
    lowering: str  # of the Pallas kernels
