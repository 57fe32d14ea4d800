"""Which points of an avatar belong to an attribute: a vote of the part masks of the frames it was trained on.

A pixel of a mask votes for each point by the point's compositing weight there. The blended picture is linear in what
the points carry, and its gradient is these votes.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax import progress
from pegasus_jax.data.frames import Batch, take
from pegasus_jax.inference.baked import BakedAvatar
from pegasus_jax.models.lending import lent_colours
from pegasus_jax.models.render import RenderOptions

_FRAMES = 48
_CHUNK = 4
_SEEN = 0.5  # pixels' worth of votes below which a point takes its neighbour's share
_MOSTLY = 0.5
_CLEAR = 0.9  # share from which on a point's colour has nothing of skin or shirt in it
_OPTIONS = RenderOptions(channels=("rgb", "seg_logit"))


@dataclasses.dataclass(frozen=True)
class PartShare:
    """What N points have to do with an attribute."""

    of_point: np.ndarray  # (N,) in [0, 1]: how much of what is seen of each point is the attribute
    is_clear: np.ndarray  # (N,) bool: seen, and nothing but the attribute

    @property
    def is_part(self) -> np.ndarray:
        """(N,) bool: more of the attribute than of anything else."""
        return self.of_point > _MOSTLY


def part_share(baked: BakedAvatar, frames: Batch, masks: np.ndarray) -> PartShare:
    """How much of what is seen of each of the N points lies in the attribute's masks (F, H, W) uint8.

    Up to 48 of the F frames are looked at. Points that none of them shows take the share of the nearest that is seen.
    """
    count = len(frames.frame)
    chosen = np.linspace(0, count - 1, min(_FRAMES, count)).astype(int)
    yes, total = np.zeros(len(baked.points.x_fc)), np.zeros(len(baked.points.x_fc))
    for start in progress.bar(range(0, len(chosen), _CHUNK), desc="Whose points are these"):
        rows = chosen[np.minimum(np.arange(start, start + _CHUNK), len(chosen) - 1)]
        counts = (np.arange(start, start + _CHUNK) < len(chosen)).astype(np.float32)
        mask = masks[rows].astype(np.float32) / 255.0 * counts[:, None, None]
        whole = np.broadcast_to(counts[:, None, None], mask.shape)
        some = take(frames, rows)
        votes = _votes(baked, some.betas, some.pose, some.expression, some.cameras, (mask, whole))
        yes, total = yes + np.asarray(votes[0]), total + np.asarray(votes[1])
    seen = total > _SEEN
    if not seen.any():
        return PartShare(np.zeros(len(total), np.float32), seen)
    share = yes / np.maximum(total, 1e-9)
    points = np.asarray(baked.points.x_fc)
    _, nearest = scipy.spatial.cKDTree(points[seen]).query(points[~seen])
    share[~seen] = share[seen][nearest] if len(nearest) else 0.0
    share = np.clip(share, 0.0, 1.0).astype(np.float32)
    return PartShare(share, seen & (share > _CLEAR))


def in_own_colours(baked: BakedAvatar, share: PartShare) -> BakedAvatar:
    """The avatar whose attribute has its own colours to its border: training mixes those of skin and shirt in there.

    Points that no frame shows have never learned any.
    """
    points = baked.points
    x_fc, albedo = np.asarray(points.x_fc), np.asarray(points.albedo)
    albedo = lent_colours(x_fc, albedo, borrowers=share.is_part & ~share.is_clear, lenders=share.is_clear)
    return dataclasses.replace(baked, points=dataclasses.replace(points, albedo=jnp.asarray(albedo)))


def carrying(baked: BakedAvatar, numbers: jax.Array) -> BakedAvatar:
    """The same avatar, whose channel `seg_logit` blends these numbers (N,) instead of the segmentation's logits."""
    return dataclasses.replace(baked, points=dataclasses.replace(baked.points, seg_logit=jnp.asarray(numbers)))


@jax.jit
def _votes(baked: BakedAvatar, betas, pose, expression, cameras, pictures) -> list[jax.Array]:
    """For each of the pictures (B, H, W): the sum (N,) over frames and pixels of compositing weight times picture."""

    def blended(numbers: jax.Array) -> jax.Array | None:
        return carrying(baked, numbers).render(pose, expression, cameras, betas=betas[0], options=_OPTIONS).seg_logit

    _, pull = jax.vjp(blended, jnp.zeros(len(baked.points.x_fc)))
    return [pull(picture)[0] for picture in pictures]
