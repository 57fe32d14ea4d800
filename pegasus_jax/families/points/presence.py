"""Which points are there under a look: long hair is, under the look that wears it, and under no other.

Not in the papers, whose looks share all points and hide what they do not wear inside the head. That takes more steps
than a laptop has: a point surrounded by background covers as much of it wherever it goes, so that pictures do not say
where to hide. They do say that it should fade.
"""

import itertools

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.layers import Linear, WeightNormLinear, normal, positional_encoding, softplus100

_OCTAVES = 5
_THERE = 4.0  # the logit that all points start with: an opacity of 0.98


class PresenceNetwork(nnx.Module):
    """Two weight-normed layers on a positional encoding of x and on z."""

    def __init__(self, *, latent_size: int, width: int, rngs: nnx.Rngs):
        key, std = rngs.params, (2.0 / width) ** 0.5
        sizes = [3 + 6 * _OCTAVES + latent_size, width, width]
        self.layers = nnx.List(
            [WeightNormLinear(normal(key(), (i, o), std), jnp.zeros(o)) for i, o in itertools.pairwise(sizes)]
        )
        self.out = Linear(normal(key(), (width, 1), 0.01), jnp.full(1, _THERE))

    def __call__(self, x_sc: jax.Array, z: jax.Array) -> jax.Array:
        """Logits (N,) at subject canonical points x_sc (N, 3) under z (Z,)."""
        first, second = self.layers
        features = softplus100(first(positional_encoding(x_sc, _OCTAVES), z))
        return self.out(softplus100(second(features)))[:, 0]
