"""The deformation network: offsets between canonical spaces, blendshape bases and skinning weights of each point.

Spec section 3.3; main paper eq. 7. At paper size it has 182,286 parameters (148,875 without the gc head).
"""

import dataclasses
import itertools
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.layers import Linear, WeightNormLinear, normal, softplus100
from pegasus_jax.flame.model import NUM_EXPRESSION, NUM_POSE_FEATURES

NUM_BONES = 6  # the ghost bone, which never moves, then FLAME's five joints
SKINNING_GAIN = 20.0
NUM_POSE_COLUMNS = 3 * NUM_POSE_FEATURES
NUM_EXPRESSION_COLUMNS = 3 * NUM_EXPRESSION
GcMode = Literal["off", "official", "learned"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Bases:
    """Rows that turn trunk features into blendshape bases: a basis is linear in the features."""

    pose: jax.Array  # (D + 1, 36, 3): last row is the bias
    expression: jax.Array  # (D + 1, 3, 50)

    def motion(self, pose_feature: jax.Array, expression: jax.Array) -> jax.Array:
        """The map (D + 1, 3) from [features, 1] to E psi + P^T f, for one frame's f (36,) and psi (50,)."""
        by_pose = jnp.einsum("dkc,k->dc", self.pose, pose_feature)
        return by_pose + jnp.einsum("dck,k->dc", self.expression, expression)


class DeformationNetwork(nnx.Module):
    """Trunk of weight-normed layers on [x (3), z (Z)], then linear heads.

    `gc`: "off" has no generic canonical space; "official" is the published initialisation, whose offset can never
    become more than one translation (spec 3.3); "learned" breaks that saddle by a small random last layer.
    """

    def __init__(self, *, latent_size: int, width: int, depth: int, gc: GcMode, rngs: nnx.Rngs):
        key = rngs.params
        std = (2.0 / width) ** 0.5
        self.gc = gc
        self.width = width
        sizes = [3 + latent_size, *[width] * depth]
        self.trunk = nnx.List(
            [WeightNormLinear(normal(key(), (i, o), std), jnp.zeros(o)) for i, o in itertools.pairwise(sizes)]
        )
        columns = NUM_POSE_COLUMNS + NUM_EXPRESSION_COLUMNS + (width if gc != "off" else 0) + 3
        self.basis = Linear(jnp.zeros((width, columns)), jnp.zeros(columns))
        self.skinning_hidden = WeightNormLinear(normal(key(), (width, width), std), jnp.zeros(width))
        self.skinning = Linear(jnp.zeros((width, NUM_BONES)), jnp.zeros(NUM_BONES))
        if gc != "off":
            out_std = 0.01 if gc == "learned" else 0.0
            self.gc_hidden = Linear(normal(key(), (width, width), std), jnp.zeros(width))
            self.gc_out = Linear(normal(key(), (width, 3), out_std), jnp.zeros(3))

    def features(self, x: jax.Array, z: jax.Array) -> jax.Array:
        """Trunk features (N, D) at x (N, 3) under the latent z (Z,)."""
        h = softplus100(self.trunk[0](x, z))
        for layer in list(self.trunk)[1:]:
            h = softplus100(layer(h))
        return h

    def offset_sc(self, x_gc: jax.Array, z: jax.Array) -> jax.Array:
        """O^{gc->sc} (N, 3) at generic canonical points; zero without a gc space."""
        if self.gc == "off":
            return jnp.zeros_like(x_gc)
        start = NUM_POSE_COLUMNS + NUM_EXPRESSION_COLUMNS
        rows = slice(start, start + self.width)
        head = self.features(x_gc, z) @ self.basis.weight[...][:, rows] + self.basis.bias[...][None, rows]
        return self.gc_out(self.gc_hidden(head))

    def offset_fc(self, features: jax.Array) -> jax.Array:
        """O^{sc->fc} (N, 3) from the features at subject canonical points."""
        return features @ self.basis.weight[...][:, -3:] + self.basis.bias[...][None, -3:]

    def skinning_logits(self, features: jax.Array) -> jax.Array:
        """(N, 6), already times the gain of 20; softmax of them gives the weights W."""
        return SKINNING_GAIN * self.skinning(softplus100(self.skinning_hidden(features)))

    def bases(self) -> Bases:
        """The basis head as a linear map of the features; P is (36, 3) and E (3, 50) per point."""
        rows = jnp.concatenate([self.basis.weight[...], self.basis.bias[...][None, :]])
        split = NUM_POSE_COLUMNS
        expression = rows[:, split : split + NUM_EXPRESSION_COLUMNS]
        return Bases(
            pose=rows[:, :split].reshape(-1, NUM_POSE_FEATURES, 3),
            expression=expression.reshape(-1, 3, NUM_EXPRESSION),
        )
