"""The donor's avatar in the target's frames: driven by the target's pose, expression, camera and shape."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data import Dataset
from pegasus_jax.inference.baked import BakedAvatar
from pegasus_jax.models.baked_points import BakedPoints
from pegasus_jax.models.render import RenderOptions
from pegasus_jax.synthesis.part_share import PartShare, carrying

_CHUNK = 4
_OPTIONS = RenderOptions(channels=("rgb", "normals", "seg_logit"))
_COLOUR = RenderOptions(channels=("rgb",))


@dataclasses.dataclass(frozen=True)
class Layer:
    """Points over nothing."""

    image: np.ndarray  # (H, W, 3) float32 in [0, 1], over white
    alpha: np.ndarray  # (H, W) in [0, 1]

    def colour(self) -> np.ndarray:
        """(H, W, 3): the image without its white background."""
        alpha = np.maximum(self.alpha, 0.05)[..., None]
        return np.clip((self.image - (1.0 - alpha)) / alpha, 0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Performance(Layer):
    """One frame of a driven avatar."""

    part: np.ndarray  # (H, W) in [0, 1]: how much of the pixel is the attribute
    normals: np.ndarray  # (H, W, 3): 0.5 n + 0.5 in world axes, over white
    worn: Layer  # the attribute where it is seen, in its own colours; its alpha is `part`
    alone: Layer  # the attribute without the rest of the donor, which hides some of it


def perform(baked: BakedAvatar, share: PartShare, target: Dataset) -> Iterator[Performance]:
    """The avatar in every frame of `target`; `share` says which of its N points are the attribute.

    The target's shape takes the place of the donor's, so the part fits the head that will wear it.
    """
    of_point = jnp.asarray(share.of_point)
    carrier = carrying(baked, of_point)
    points = baked.points
    tinted = _with(baked, dataclasses.replace(points, albedo=points.albedo * of_point[:, None]))
    part_alone = _with(baked, dataclasses.replace(points, opacity=points.opacity * jnp.asarray(share.is_part)))
    cameras, betas = target.cameras(), jnp.asarray(target.betas)
    for start in range(0, len(target), _CHUNK):
        rows = np.minimum(np.arange(start, start + _CHUNK), len(target) - 1)
        some = jax.tree.map(lambda array, rows=rows: array[rows], cameras)
        drive = (target.pose[rows], target.expression[rows], some)
        out = carrier.render(*drive, betas=betas, options=_OPTIONS)
        of_part = tinted.render(*drive, betas=betas, options=_COLOUR)
        alone = part_alone.render(*drive, betas=betas, options=_COLOUR)
        part = np.clip(np.asarray(out.seg_logit), 0.0, 1.0)
        image, alpha, normals = np.asarray(out.image), np.asarray(out.alpha), np.asarray(out.normals)
        worn = np.clip(np.asarray(of_part.image) + (alpha - part)[..., None], 0.0, 1.0)
        alone_image, alone_alpha = np.asarray(alone.image), np.asarray(alone.alpha)
        for row in range(min(_CHUNK, len(target) - start)):
            seen, whole = Layer(worn[row], part[row]), Layer(alone_image[row], alone_alpha[row])
            yield Performance(image[row], alpha[row], part[row], normals[row], seen, whole)


def _with(baked: BakedAvatar, points: BakedPoints) -> BakedAvatar:
    return dataclasses.replace(baked, points=points)
