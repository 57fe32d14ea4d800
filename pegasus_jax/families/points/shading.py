"""The shading network: from a deformed normal (and the latent) to a shading colour. Spec section 3.4."""

import itertools

import jax
from flax import nnx

from pegasus_jax.core.layers import WeightNormLinear, uniform


class ShadingNetwork(nnx.Module):
    """[normal (3), z (Z)] -> width -> width -> 3, weight-normed, ReLU between, logistic sigmoid at the end."""

    def __init__(self, *, latent_size: int, width: int, rngs: nnx.Rngs):
        key = rngs.params
        sizes = [3 + latent_size, width, width, 3]
        self.layers = nnx.List([WeightNormLinear(*uniform(key, i, o)) for i, o in itertools.pairwise(sizes)])

    def __call__(self, normals_d: jax.Array, z: jax.Array) -> jax.Array:
        """Shading (N, 3) in (0, 1) of unit normals (N, 3) in world axes."""
        first, *rest = list(self.layers)
        h = first(normals_d, z)
        for layer in rest:
            h = layer(jax.nn.relu(h))
        return jax.nn.sigmoid(h)
