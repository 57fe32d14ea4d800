"""PERSE's networks: where points lie and how they move (MLP_d), what they look like (MLP_c, MLP_pose), and the codes.

Sizes without the gains of weight norm, at paper size: MLP_d 188,174 numbers, MLP_c 3,420,224, MLP_pose 154,763.
"""

import dataclasses
import itertools
import math
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.latents import PERSE_CATEGORIES, LatentTable, latent_size
from pegasus_jax.core.layers import (
    Linear,
    WeightNormLinear,
    normal,
    positional_encoding,
    softplus100,
    through_trunk,
    trunk_layers,
    uniform,
)
from pegasus_jax.families.free_points.deformation import DeformationNetwork, GcMode

Rotation = Literal["none", "lbs", "full"]
_WIDTHS = {"scale": 3, "rotation": 4, "opacity": 1}  # of heads with one hidden layer; colour has two
_POSE_WIDTHS = {**_WIDTHS, "colour": 3}
HEADS_OF_SHAPE = tuple(f"{name}_head" for name in _WIDTHS)  # what rests while a run warms up as the released one does


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Sizes and switches; the defaults are the paper's sizes, and of its contradictions what we recommend."""

    categories: tuple[str, ...] = PERSE_CATEGORIES
    sources: tuple[str, ...] = ("cloth", "eyebrows", "hair", "mouth", "nose", "skin")  # have reference codes
    look_categories: tuple[str, ...] = ()
    code_size: int = 32
    code_std: float = 0.05  # that codes start with
    gc: GcMode = "learned"  # the paper; "off" is the released code
    rotation: Rotation = "lbs"  # what turns Gaussians: the paper "full", the released code "none"
    trunk_init: Literal["plain", "official"] = "plain"  # of the last layer of MLP_c's trunk
    max_scale: float = 0.0175  # head units: of what is learned of a standard deviation; at 768 pixels
    deformation_width: int = 128
    deformation_depth: int = 4
    canonical_width: int = 512
    canonical_depth: int = 9
    canonical_skip: int | None = 4
    octaves: int = 6
    pose_width: int = 128


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Attributes:
    """What N Gaussians look like, before the activations: offsets are added to these."""

    colour: jax.Array  # (N, 3)
    scale: jax.Array  # (N, 3)
    rotation: jax.Array  # (N, 4) quaternions, w first
    opacity: jax.Array  # (N, 1)


class GaussianNetwork(nnx.Module):
    """MLP_c: a trunk on [PE(x), z] and four heads. Supplement eq. 23.

    `trunk_init="official"` starts the last layer as the output of a signed distance, so that all features are alike.
    """

    def __init__(self, config: NetworkConfig, *, latent_size: int, rngs: nnx.Rngs):
        key, width = rngs.params, config.canonical_width
        self.octaves, self.skip = config.octaves, config.canonical_skip
        layers = trunk_layers(
            key,
            encoding_size=3 + 6 * config.octaves,
            latent_size=latent_size,
            width=width,
            depth=config.canonical_depth,
            skip=config.canonical_skip,
        )
        if config.trunk_init == "official":
            alike = math.sqrt(math.pi / width) + normal(key(), (width, width), 1e-4)
            layers[-1] = WeightNormLinear(alike, jnp.full(width, -0.6, jnp.float32))
        self.layers = nnx.List(layers)
        self.colour_head = nnx.List([Linear(*uniform(key, width, out)) for out in (width, width, 3)])
        for name, out in _WIDTHS.items():
            setattr(self, f"{name}_head", nnx.List([Linear(*uniform(key, width, size)) for size in (width, out)]))

    def __call__(self, x_sc: jax.Array, z: jax.Array) -> Attributes:
        """Attributes at x_sc (N, 3) under z (Z,)."""
        encoded = positional_encoding(x_sc, self.octaves)
        features = through_trunk(list(self.layers), encoded, z, skip=self.skip)
        first, second, third = self.colour_head
        others = {}
        for name in _WIDTHS:
            hidden, out = getattr(self, f"{name}_head")
            others[name] = out(softplus100(hidden(features)))
        return Attributes(colour=third(second(softplus100(first(features)))), **others)


class PoseNetwork(nnx.Module):
    """MLP_pose: how a frame changes attributes, by how far it has moved each point. Supplement eq. 24 and 25."""

    def __init__(self, *, latent_size: int, width: int, rngs: nnx.Rngs):
        key = rngs.params
        sizes = [3 + latent_size, width, width, width]
        self.trunk = nnx.List([WeightNormLinear(*uniform(key, i, o)) for i, o in itertools.pairwise(sizes)])
        for name, out in _POSE_WIDTHS.items():
            setattr(self, f"{name}_head", nnx.List([Linear(*uniform(key, width, size)) for size in (width, out)]))

    def __call__(self, moved: jax.Array, z: jax.Array) -> Attributes:
        """Offsets of attributes for points that a frame has moved by (N, 3) under z (Z,)."""
        first, second, third = self.trunk
        features = third(jax.nn.relu(second(jax.nn.relu(first(moved, z)))))
        offsets = {}
        for name in _POSE_WIDTHS:
            hidden, out = getattr(self, f"{name}_head")
            offsets[name] = out(jax.nn.relu(hidden(features)))
        return Attributes(**offsets)


class PerseNetworks(nnx.Module):
    """All networks and the table of codes."""

    def __init__(self, config: NetworkConfig, *, rngs: nnx.Rngs):
        size = latent_size(len(config.categories), config.code_size)
        self.config = config
        self.deformation = DeformationNetwork(
            latent_size=size,
            width=config.deformation_width,
            depth=config.deformation_depth,
            gc=config.gc,
            rngs=rngs,
        )
        self.canonical = GaussianNetwork(config, latent_size=size, rngs=rngs)
        self.pose = PoseNetwork(latent_size=size, width=config.pose_width, rngs=rngs)
        self.latents = LatentTable(
            code_size=config.code_size,
            look_categories=config.look_categories,
            categories=config.categories,
            sources=config.sources,
            code_std=config.code_std,
            rngs=rngs,
        )
