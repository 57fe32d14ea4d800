"""LPIPS, the learned perceptual distance of pictures: Zhang et al. 2018, version 0.1, over AlexNet or VGG16.

Features of both pictures are scaled to unit length at each position, their squared differences weighted by channel,
averaged over positions and summed over layers. Pictures are (H, W, 3) in [0, 1]; 0 is the same picture.
"""

import dataclasses
import os
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pegasus_jax.core.metrics import as_mask, as_pair
from pegasus_jax.core.trunks import Block, Net, features, load_trunk
from pegasus_jax.errors import UserError
from pegasus_jax.torch_files import read_tensors

# ImageNet's statistics as the published weights were trained with them, for values in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10
_SMALLEST = 32  # pixels: below, pooling leaves nothing


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Lpips:
    """The distance as a function of two pictures; a pytree, so that it can be an argument of compiled functions."""

    trunk: tuple[Block, ...]
    heads: tuple[jax.Array, ...]  # (C,) per block: the weights of its channels, none below 0

    @classmethod
    def load(
        cls,
        trunk_weights: str | os.PathLike[str],
        linear_weights: str | os.PathLike[str],
        *,
        net: Net = "alex",
    ) -> Self:
        """The distance with torchvision's trunk and the `lpips` package's linear weights (its `alex.pth`, `vgg.pth`).

        Raises:
            UserError: a file cannot be read, or belongs to another network.
        """
        trunk = load_trunk(trunk_weights, net=net)
        tensors = read_tensors(linear_weights)
        widths = [block.convolutions[-1].bias.shape[0] for block in trunk]
        return cls(trunk, tuple(_head(tensors, layer, width, linear_weights) for layer, width in enumerate(widths)))

    def __call__(self, image: ArrayLike, target: ArrayLike) -> jax.Array:
        """The distance of two pictures (H, W, 3), a scalar."""
        return sum((d.mean() for d in self._distances(*_pair(image, target))), start=jnp.zeros(()))

    def masked(self, image: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
        """The distance of what `mask` (H, W) in [0, 1] shows, such as one attribute.

        Outside the mask both pictures are white, so that nothing there counts; each layer's mean is weighted by the
        mask's share of a position, so that a small part is not thinned out by the white around it. An empty mask
        gives NaN.
        """
        image, target = _pair(image, target)
        mask = as_mask(mask, image)
        image, target = (1.0 - mask[..., None] * (1.0 - picture) for picture in (image, target))
        distances = self._distances(image, target)
        weights = (jax.image.resize(mask, distance.shape, "linear", antialias=True) for distance in distances)
        return sum(((w * d).sum() / w.sum() for w, d in zip(weights, distances)), start=jnp.zeros(()))

    def _distances(self, image: jax.Array, target: jax.Array) -> list[jax.Array]:
        """Each layer's map (h, w) of weighted squared differences."""
        shift, scale = jnp.asarray([_SHIFT, _SCALE])[:, None, None, None]
        pictures = (2.0 * jnp.stack([image, target]) - 1.0 - shift) / scale
        maps = []
        with jax.default_matmul_precision("highest"):  # accelerators round products to ten bits otherwise
            for layer, head in zip(features(self.trunk, pictures), self.heads):
                unit = layer / (jnp.linalg.norm(layer, axis=-1, keepdims=True) + _EPSILON)
                maps.append(jnp.square(unit[0] - unit[1]) @ head)
        return maps


def _pair(image: ArrayLike, target: ArrayLike) -> tuple[jax.Array, jax.Array]:
    image, target = as_pair(image, target)
    if image.shape[2:] != (3,) or min(image.shape[:2]) < _SMALLEST:
        raise ValueError(f"LPIPS compares pictures (H, W, 3) of at least {_SMALLEST} pixels a side; got {image.shape}.")
    return image, target


def _head(tensors: dict[str, Any], layer: int, width: int, path: str | os.PathLike[str]) -> jax.Array:
    value = tensors.get(f"lin{layer}.model.1.weight")
    if not isinstance(value, np.ndarray) or value.shape != (1, width, 1, 1):
        found = f"of shape {value.shape}" if isinstance(value, np.ndarray) else "missing"
        raise UserError(
            f"{os.fspath(path)} are not the linear weights of this LPIPS: lin{layer}.model.1.weight is {found} instead "
            f"of (1, {width}, 1, 1); take alex.pth for AlexNet or vgg.pth for VGG16 from lpips/weights/v0.1 of "
            "https://github.com/richzhang/PerceptualSimilarity."
        )
    return jnp.asarray(value.reshape(width), jnp.float32)
