"""The shading network: from a deformed normal (and the latent) to a shading colour. Spec section 3.4."""

import itertools

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.layers import WeightNormLinear


def _uniform_layer(key, size_in: int, size_out: int) -> WeightNormLinear:
    bound = size_in**-0.5
    v = jax.random.uniform(key(), (size_in, size_out), jnp.float32, -bound, bound)
    bias = jax.random.uniform(key(), (size_out,), jnp.float32, -bound, bound)
    return WeightNormLinear(v, bias)


class ShadingNetwork(nnx.Module):
    """[normal (3), z (Z)] -> width -> width -> 3, weight-normed, ReLU between, logistic sigmoid at the end."""

    def __init__(self, *, latent_size: int, width: int, rngs: nnx.Rngs):
        key = rngs.params
        sizes = [3 + latent_size, width, width, 3]
        self.layers = nnx.List([_uniform_layer(key, i, o) for i, o in itertools.pairwise(sizes)])

    def __call__(self, normals_d: jax.Array, z: jax.Array) -> jax.Array:
        """Shading (N, 3) in (0, 1) of unit normals (N, 3) in world axes."""
        first, *rest = list(self.layers)
        h = first(normals_d, z)
        for layer in rest:
            h = layer(jax.nn.relu(h))
        return jax.nn.sigmoid(h)
