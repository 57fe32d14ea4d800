"""The canonical network: signed distance, albedo and segmentation logit at subject canonical points.

Spec section 3.2. At paper size (512 wide, 9 hidden layers, 6 octaves, latent of 369) it has 2,108,122 parameters.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.layers import (
    Linear,
    WeightNormLinear,
    normal,
    positional_encoding,
    softplus100,
    through_trunk,
    trunk_layers,
)

ALBEDO_GAIN = 10.0
_INNER_GAIN = 0.5  # few pixels show the inside: at the full gain its colours end in extremes


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CanonicalValues:
    """What the network says at N points."""

    sdf: jax.Array  # (N,) head units
    albedo: jax.Array  # (N, 3) in [0, 1]
    seg_logit: jax.Array  # (N,)


class CanonicalNetwork(nnx.Module):
    """Weight-normed layers with softplus(100) on [PE(x), z]; the input returns at layer `skip` (None: never).

    A narrow network blurs eyes and lips. `detail_octaves` adds to the albedo what a single layer, `detail_width` wide,
    makes of a finer encoding, which leaves the distance, and so the normals, smooth; the published network has none
    (0). Eyeballs lie a millimetre under lids, teeth under lips: each of `inner_parts` parts has that layer's outputs
    for itself.
    """

    def __init__(
        self,
        *,
        latent_size: int,
        width: int,
        depth: int,
        octaves: int,
        skip: int | None,
        detail_octaves: int = 0,
        detail_width: int | None = None,
        inner_parts: int = 0,
        rngs: nnx.Rngs,
    ):
        key = rngs.params
        self.octaves = octaves
        self.skip = skip
        trunk = trunk_layers(
            key, encoding_size=3 + 6 * octaves, latent_size=latent_size, width=width, depth=depth, skip=skip
        )
        self.layers = nnx.List(trunk)
        last = math.sqrt(math.pi / width) + normal(key(), (width, 4), 1e-4)
        self.out = WeightNormLinear(last, jnp.full(4, -0.6, jnp.float32))
        self.seg = WeightNormLinear(normal(key(), (width, 1), math.sqrt(2.0)), jnp.zeros(1))
        self.detail_octaves = detail_octaves
        if detail_octaves:
            size, wide = 3 + 6 * detail_octaves + latent_size, detail_width or width
            self.detail = WeightNormLinear(normal(key(), (size, wide), math.sqrt(2.0 / wide)), jnp.zeros(wide))
            self.detail_out = Linear(jnp.zeros((wide, 3)), jnp.zeros(3))
        self.inner_parts = inner_parts if detail_octaves else 0
        if self.inner_parts:
            self.inner_out = Linear(jnp.zeros((wide, 3 * inner_parts)), jnp.zeros(3 * inner_parts))

    def __call__(self, x_sc: jax.Array, z: jax.Array, part: jax.Array | None = None) -> CanonicalValues:
        """Values at x_sc (N, 3) under z (Z,); of points of parts (N,), inner ones from 1 on, else of the outside.

        The segmentation head reads the last layer before its softplus.
        """
        encoded = positional_encoding(x_sc, self.octaves)
        pre = through_trunk(list(self.layers), encoded, z, skip=self.skip)
        out = self.out(softplus100(pre))
        colour = out[:, 1:]
        if self.detail_octaves:
            fine = softplus100(self.detail(positional_encoding(x_sc, self.detail_octaves), z))
            colour = self._inner(fine, part, colour + self.detail_out(fine))
        return CanonicalValues(
            sdf=out[:, 0], albedo=jax.nn.sigmoid(ALBEDO_GAIN * colour), seg_logit=self.seg(pre)[:, 0]
        )

    def _inner(self, features: jax.Array, part: jax.Array | None, outer: jax.Array) -> jax.Array:
        """Colours (N, 3) of points of parts (N,): their own of inner ones, `outer` of the rest."""
        if part is None or not self.inner_parts:
            return outer
        inner = _INNER_GAIN * self.inner_out(features).reshape(-1, self.inner_parts, 3)
        own = jnp.take_along_axis(inner, jnp.maximum(part - 1, 0)[:, None, None], axis=1)[:, 0]
        return jnp.where(part[:, None] > 0, own, outer)

    def sdf_gradient(self, x_sc: jax.Array, z: jax.Array) -> jax.Array:
        """Gradient of the signed distance with respect to x_sc only: (N, 3)."""
        return jax.grad(lambda x: self(x, z).sdf.sum())(x_sc)
