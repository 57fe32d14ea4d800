"""The donor's avatar in the target's frames: driven by the target's pose, expression, camera and shape."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data import Dataset
from pegasus_jax.inference.baked import BakedAvatar
from pegasus_jax.models.render import RenderOptions
from pegasus_jax.synthesis.part_share import carrying

_CHUNK = 4
_OPTIONS = RenderOptions(channels=("rgb", "normals", "seg_logit"))


@dataclasses.dataclass(frozen=True)
class Performance:
    """One frame of a driven avatar."""

    image: np.ndarray  # (H, W, 3) float32 in [0, 1], over white
    alpha: np.ndarray  # (H, W) in [0, 1]
    part: np.ndarray  # (H, W) in [0, 1]: how much of the pixel is the attribute
    normals: np.ndarray  # (H, W, 3): 0.5 n + 0.5 in world axes, over white

    def colour(self) -> np.ndarray:
        """(H, W, 3): the image without its white background."""
        alpha = np.maximum(self.alpha, 0.05)[..., None]
        return np.clip((self.image - (1.0 - alpha)) / alpha, 0.0, 1.0)


def perform(baked: BakedAvatar, share: np.ndarray, target: Dataset) -> Iterator[Performance]:
    """The avatar in every frame of `target`; `share` (N,) says how much of each point is the attribute.

    The target's shape takes the place of the donor's, so the part fits the head that will wear it.
    """
    carrier = carrying(baked, jnp.asarray(share))
    cameras, betas = target.cameras(), jnp.asarray(target.betas)
    for start in range(0, len(target), _CHUNK):
        rows = np.minimum(np.arange(start, start + _CHUNK), len(target) - 1)
        some = jax.tree.map(lambda array, rows=rows: array[rows], cameras)
        out = carrier.render(target.pose[rows], target.expression[rows], some, betas=betas, options=_OPTIONS)
        part = np.clip(np.asarray(out.seg_logit), 0.0, 1.0)
        pictures = [np.asarray(out.image), np.asarray(out.alpha), part, np.asarray(out.normals)]
        for row in range(min(_CHUNK, len(target) - start)):
            yield Performance(*(picture[row] for picture in pictures))
