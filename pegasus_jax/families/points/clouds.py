"""Where a run's networks take points under each look, and back."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.points.networks import flame_canonical

_MULTIPLE = 1024  # numbers of points are rounded up to it: each takes a program of its own
_INVERSION_STEPS = 6  # offsets are small and smooth where swapped videos join


@dataclasses.dataclass(frozen=True)
class Clouds:
    """Where a run's networks take points under each look."""

    graphdef: nnx.GraphDef
    networks: nnx.State
    space: HeadSpace

    def flame_canonical(self, points: jax.Array, look: int) -> jax.Array:
        """x^fc (N, 3) of points (N, 3)."""
        padded = jnp.pad(points, ((0, -len(points) % _MULTIPLE), (0, 0)))
        return _flame_canonical(self.graphdef, self.networks, padded, look)[: len(points)]

    def subject_canonical(self, points: jax.Array, look: int) -> jax.Array:
        """x^sc (N, 3) of points (N, 3)."""
        merged = nnx.merge(self.graphdef, self.networks)
        return points + merged.deformation.offset_sc(points, latents.flatten(merged.latents.latent(look)))

    def inverse(self, x_fc: jax.Array, look: int) -> jax.Array:
        """Points (N, 3) that a look takes to x_fc (N, 3), by fixed-point iteration."""
        points = x_fc
        for _ in range(_INVERSION_STEPS):
            points = points + x_fc - self.flame_canonical(points, look)
        return points


@functools.partial(jax.jit, static_argnums=0)
def _flame_canonical(graphdef: nnx.GraphDef, networks: nnx.State, points: jax.Array, look: jax.Array) -> jax.Array:
    merged = nnx.merge(graphdef, networks)
    return flame_canonical(merged, points, latents.flatten(merged.latents.latent(look)))
