"""How far apart two pictures look: differences of VGG16's features, as the perceptual loss of training takes them.

Not LPIPS: the features are neither normalised nor weighted. Distances through two files of weights do not compare, so
that each stands under its file's name. Images are (B, H, W, 3) in [0, 1].
"""

import dataclasses
import os
import pathlib
from typing import Self

import jax
import numpy as np

from pegasus_jax.core.perceptual_loss import BLOCKS, feature_distance
from pegasus_jax.core.trunks import Block, load_trunk


@dataclasses.dataclass(frozen=True)
class VggDistance:
    """`feature_distance` through one file of weights."""

    name: str  # the file's, without its ending
    trunk: tuple[Block, ...]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """With VGG16's weights in a `.safetensors` or `.pth` file under torchvision's names.

        Raises:
            UserError: the file cannot be read, or lacks one of VGG16's tensors.
        """
        return cls(pathlib.Path(path).stem, load_trunk(path, net="vgg", blocks=BLOCKS))

    def __call__(self, images: np.ndarray, targets: np.ndarray) -> float:
        """Mean distance of pairs of pictures (N, H, W, 3): 0 for the same picture, lower is more alike."""
        pairs = zip(images[:, None], targets[:, None])
        return float(np.mean([float(_distance(self.trunk, image, target)) for image, target in pairs]))


_distance = jax.jit(feature_distance)
