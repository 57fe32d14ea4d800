"""The same points under several looks, mixed point by point."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.families.points.posing import CanonicalPoints


def mixed(looks: Sequence[CanonicalPoints], mix: Callable[[jax.Array, int], jax.Array]) -> CanonicalPoints:
    """Every array of the points by `mix`, which takes those of all looks (L, …) and says which axis is the points'."""
    count = len(looks[0].nearest)

    def leaf(*arrays: jax.Array) -> jax.Array:
        # Of derivatives the points are the second axis, of everything else the first.
        return mix(jnp.stack(arrays), 1 + arrays[0].shape.index(count))

    return jax.tree.map(leaf, *looks)


def weighted(weights: np.ndarray) -> Callable[[jax.Array, int], jax.Array]:
    """A mean by weights (L, N); of what has no mean, like vertices, that of the largest weight."""
    largest = weights.argmax(axis=0)

    def mix(arrays: jax.Array, axis: int) -> jax.Array:
        if not jnp.issubdtype(arrays.dtype, jnp.floating):
            return arrays[largest, jnp.arange(len(largest))]
        shape = [len(weights), *([1] * (axis - 1)), -1, *([1] * (arrays.ndim - axis - 1))]
        return jnp.sum(jnp.asarray(weights, arrays.dtype).reshape(shape) * arrays, axis=0)

    return mix
