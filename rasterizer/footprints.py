"""What a point looks like: the only lines that tell a disc from a Gaussian.

A footprint is elementwise arithmetic on the offset from a point's mean to a pixel's centre and on the point's shape
parameters, so that the dense reference, the tiled program and the kernels share it. The native backend repeats it in
C++ (cpu/footprints.h). At a pixel, alpha = min(opacity * falloff, max_alpha) where the point covers the pixel, else 0.
"""

from collections.abc import Sequence
from typing import Protocol

import jax
import jax.numpy as jnp

from rasterizer.constants import (
    GAUSSIAN_MAX_ALPHA,
    GAUSSIAN_MIN_ALPHA,
    GAUSSIAN_MIN_TRANSMITTANCE,
    MIN_TRANSMITTANCE,
)

Shape = Sequence[jax.Array]
"""A point's shape parameters, each an array that broadcasts against the offsets."""


class Footprint(Protocol):
    """A kind of point. Implementations are hashable: they are static while a scene is drawn."""

    name: str
    num_shape: int  # shape parameters of a point
    max_alpha: float
    min_transmittance: float  # a pixel is finished below it
    draws_last: bool  # whether the point that brings a pixel below `min_transmittance` is drawn itself

    def falloff(self, dx: jax.Array, dy: jax.Array, shape: Shape) -> jax.Array:
        """1 at the mean, less around it."""
        ...

    def covers(self, dx: jax.Array, dy: jax.Array, shape: Shape, opacity: jax.Array) -> jax.Array:
        """Whether the point is drawn at this offset."""
        ...

    def slopes(self, dx: jax.Array, dy: jax.Array, shape: Shape, falloff: jax.Array) -> tuple[jax.Array, ...]:
        """Derivatives of the falloff by the mean's x and y and by each shape parameter."""
        ...


class Disc:
    """A soft disc; its shape is (radius,) in pixels, and falloff = 1 - distance^2 / radius^2 inside it."""

    name = "disc"
    num_shape = 1
    max_alpha = float("inf")  # opacities are at most 1 already
    min_transmittance = MIN_TRANSMITTANCE
    draws_last = True

    def falloff(self, dx: jax.Array, dy: jax.Array, shape: Shape) -> jax.Array:
        """1 - distance^2 / radius^2."""
        (radius,) = shape
        return 1 - (dx * dx + dy * dy) / (radius * radius)

    def covers(self, dx: jax.Array, dy: jax.Array, shape: Shape, opacity: jax.Array) -> jax.Array:
        """Strictly inside the radius, whatever the opacity."""
        del opacity
        (radius,) = shape
        return dx * dx + dy * dy < radius * radius

    def slopes(self, dx: jax.Array, dy: jax.Array, shape: Shape, falloff: jax.Array) -> tuple[jax.Array, ...]:
        """By mean x, mean y, radius."""
        del falloff
        (radius,) = shape
        slope = 2 / (radius * radius)
        return slope * dx, slope * dy, slope / radius * (dx * dx + dy * dy)


class Gaussian:
    """An anisotropic Gaussian; its shape is the conic (a, b, c): the inverse covariance [[a, b], [b, c]]."""

    name = "gaussian"
    num_shape = 3
    max_alpha = GAUSSIAN_MAX_ALPHA
    min_transmittance = GAUSSIAN_MIN_TRANSMITTANCE
    draws_last = False

    def falloff(self, dx: jax.Array, dy: jax.Array, shape: Shape) -> jax.Array:
        """exp(-(a dx^2 + c dy^2) / 2 - b dx dy)."""
        a, b, c = shape
        return jnp.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)

    def covers(self, dx: jax.Array, dy: jax.Array, shape: Shape, opacity: jax.Array) -> jax.Array:
        """Where alpha is at least 1/255."""
        return opacity * self.falloff(dx, dy, shape) >= GAUSSIAN_MIN_ALPHA

    def slopes(self, dx: jax.Array, dy: jax.Array, shape: Shape, falloff: jax.Array) -> tuple[jax.Array, ...]:
        """By mean x, mean y, a, b, c."""
        a, b, c = shape
        by_mean = (falloff * (a * dx + b * dy), falloff * (b * dx + c * dy))
        return *by_mean, -0.5 * falloff * dx * dx, -falloff * dx * dy, -0.5 * falloff * dy * dy


DISC: Footprint = Disc()
GAUSSIAN: Footprint = Gaussian()
