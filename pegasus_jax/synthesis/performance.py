"""The donor's avatar in the target's frames: driven by the target's pose, expression, camera and shape."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.avatar import HasPrimitives
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.data import Dataset
from pegasus_jax.synthesis.part_share import PartShare

_CHUNK = 4


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
    normals: np.ndarray | None  # (H, W, 3): 0.5 n + 0.5 in world axes, over white; None of an avatar without them
    worn: Layer  # the attribute where it is seen, in its own colours; its alpha is `part`
    alone: Layer  # what was ever seen of the attribute, without the rest of the donor, which hides some of it now


def perform(baked: HasPrimitives, share: PartShare, target: Dataset) -> Iterator[Performance]:
    """The avatar in every frame of `target`; `share` says which of its N points are the attribute.

    The target's shape takes the place of the donor's, so the part fits the head that will wear it.
    """
    baked, of_point = baked.on_shape(target.betas), jnp.asarray(share.of_point)
    channels = ("rgb", *sorted({"normals"} & baked.channels))
    tinted = baked.edited(colours=baked.base_colours * of_point[:, None])
    known = jnp.asarray(share.is_part & share.is_seen)
    part_alone = baked.edited(opacities=baked.opacities * known)
    for out, of_part, alone in zip(
        _pictures(baked, target, channels, extra=of_point[:, None]),
        _pictures(tinted, target, ("rgb",)),
        _pictures(part_alone, target, ("rgb",)),
    ):
        image, alpha = np.asarray(out.image), np.asarray(out.alpha)
        normals = None if out.normals is None else np.asarray(out.normals)
        part = np.clip(np.asarray(out.extra)[..., 0], 0.0, 1.0)
        worn = Layer(np.clip(np.asarray(of_part.image) + (alpha - part)[..., None], 0.0, 1.0), part)
        yield Performance(image, alpha, part, normals, worn, Layer(np.asarray(alone.image), np.asarray(alone.alpha)))


def normals_of(baked: HasPrimitives, target: Dataset) -> Iterator[np.ndarray]:
    """`Performance.normals` (H, W, 3) of every frame of `target`, and nothing else."""
    for out in _pictures(baked, target, ("rgb", "normals")):
        yield np.asarray(out.normals)


def _pictures(
    baked: HasPrimitives, target: Dataset, channels: tuple[str, ...], *, extra: jax.Array | None = None
) -> Iterator[Render]:
    """The avatar in one frame of `target` after the other, as arrays of the host."""
    cameras, frames = target.cameras(), FlameParams.of_frames(target.betas, target.expression, target.pose)
    for start in range(0, len(target), _CHUNK):
        rows = np.minimum(np.arange(start, start + _CHUNK), len(target) - 1)
        some = jax.tree.map(lambda array, rows=rows: array[rows], cameras)
        out = baked.render(frames.frames(rows), some, options=RenderOptions(channels=channels), extra=extra)
        out = jax.tree.map(np.asarray, out)
        for row in range(min(_CHUNK, len(target) - start)):
            yield jax.tree.map(lambda array, row=row: array[row], out)
