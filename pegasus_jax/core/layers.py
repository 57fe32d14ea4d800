"""Layers that networks share: weight-normed linear maps, the steep softplus, the positional encoding, a deep trunk.

Conventions of the published code (spec section 3): `Linear` is x W + b; weight norm acts per output row,
W_row = g v / |v| with g initialised to |v|. The latent `z` (Z,) is the same for every point, so its share of a
layer's product is computed once and added as a bias.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx


def softplus100(x: jax.Array) -> jax.Array:
    """log(1 + exp(100 x)) / 100, taken as x where 100 x > 20."""
    scaled = 100.0 * x
    linear = scaled > 20.0
    return jnp.where(linear, x, jnp.log1p(jnp.exp(jnp.where(linear, 0.0, scaled))) / 100.0)


def positional_encoding(x: jax.Array, octaves: int) -> jax.Array:
    """[x, sin x, cos x, sin 2x, cos 2x, ...] over the last axis: (N, 3) -> (N, 3 + 6 * octaves); no factor pi."""
    blocks = [x]
    for octave in range(octaves):
        blocks += [jnp.sin(x * 2.0**octave), jnp.cos(x * 2.0**octave)]
    return jnp.concatenate(blocks, axis=-1)


def affine(x: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    """x (N, I) @ weight (I, O) + bias (O,) -> (N, O)."""
    return x @ weight + bias[None, :]


class Linear(nnx.Module):
    """A plain linear layer, `weight` (I, O) and `bias` (O,)."""

    def __init__(self, weight: jax.Array, bias: jax.Array):
        self.weight = nnx.Param(weight)
        self.bias = nnx.Param(bias)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(N, I) -> (N, O)."""
        return affine(x, self.weight[...], self.bias[...])


class WeightNormLinear(nnx.Module):
    """A linear layer with weight norm over the whole input [x, z], `v` (I + Z, O), `g` (O,), `bias` (O,)."""

    def __init__(self, v: jax.Array, bias: jax.Array):
        self.v = nnx.Param(v)
        self.g = nnx.Param(jnp.linalg.norm(v, axis=0))
        self.bias = nnx.Param(bias)

    def weight(self) -> jax.Array:
        """The effective weight (I + Z, O)."""
        v = self.v[...]
        square = jnp.sum(v * v, axis=0)
        norm = jnp.sqrt(jnp.where(square > 0.0, square, 1.0))
        return v * (self.g[...] / norm)[None, :]

    def __call__(self, x: jax.Array, z: jax.Array | None = None) -> jax.Array:
        """(N, I), and (Z,) shared by all rows -> (N, O)."""
        weight, bias = self.weight(), self.bias[...]
        if z is not None:
            split = x.shape[-1]
            bias = bias + z @ weight[split:]
            weight = weight[:split]
        return affine(x, weight, bias)


def trunk_layers(
    key: Callable[[], jax.Array], *, encoding_size: int, latent_size: int, width: int, depth: int, skip: int | None
) -> list[WeightNormLinear]:
    """The layers of a trunk on [PE(x), z], whose input returns at layer `skip` (None: never).

    They start as those of signed distances do: only the coordinates reach them, neither the rest of the encoding nor z.
    """
    size = encoding_size + latent_size
    layers = []
    for index in range(depth):
        out = width - size if skip is not None and index + 1 == skip else width
        v = normal(key(), (width if index else size, out), math.sqrt(2.0 / out))
        if index == 0:
            v = v.at[3:].set(0.0)
        elif index == skip:
            v = v.at[-(size - 3) :].set(0.0)
        layers.append(WeightNormLinear(v, jnp.zeros(out)))
    return layers


def through_trunk(
    layers: Sequence[WeightNormLinear], encoded: jax.Array, z: jax.Array, *, skip: int | None
) -> jax.Array:
    """The last layer's values (N, width), linear, of PE(x) (N, E) and z (Z,), with softplus(100) between layers."""
    pre = layers[0](encoded, z)
    for index, layer in enumerate(layers[1:], start=1):
        h = softplus100(pre)
        if index == skip:
            scale = 1.0 / math.sqrt(2.0)
            pre = layer(jnp.concatenate([h, encoded], axis=-1) * scale, z * scale)
        else:
            pre = layer(h)
    return pre


def uniform(key: Callable[[], jax.Array], size_in: int, size_out: int) -> tuple[jax.Array, jax.Array]:
    """A weight (I, O) and a bias (O,), uniform up to 1 / sqrt(I): PyTorch's linear layers before training."""
    bound = size_in**-0.5
    weight = jax.random.uniform(key(), (size_in, size_out), jnp.float32, -bound, bound)
    return weight, jax.random.uniform(key(), (size_out,), jnp.float32, -bound, bound)


def normal(key: jax.Array, shape: tuple[int, ...], std: float) -> jax.Array:
    """Normal random numbers of this standard deviation, float32."""
    return std * jax.random.normal(key, shape, jnp.float32)
