"""Which points of an avatar belong to an attribute, and in which colours: what the frames of its training show of them.

A pixel votes for each point by the point's compositing weight there: a pixel of the attribute's mask for belonging to
the attribute, and, where it is of nothing else, for its own colour. Short training leaves specks, and mixes skin and
shirt into the rim of the hair; the mean of what is filmed has neither.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax import progress
from pegasus_jax.core.avatar import HasPrimitives
from pegasus_jax.core.inpainting import inpaint_from_neighbours
from pegasus_jax.core.observations import Observations, back_project
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.core.spread import in_company
from pegasus_jax.data.frames import Batch, take

_FRAMES = 48
_CHUNK = 4
_SEEN = 0.5  # pixels' worth of votes below which a point takes what its neighbours have
_MOSTLY = 0.5
_CORRECTIONS = 2
_CLEAR = 0.9  # of a mask: from there on a pixel's colour is the attribute's


@dataclasses.dataclass(frozen=True)
class PartShare:
    """What N points have to do with an attribute."""

    of_point: np.ndarray  # (N,) in [0, 1]: how much of what is seen of each point is the attribute
    base_colours: (
        np.ndarray
    )  # (N, 3) in [0, 1]: what pixels of the attribute alone show of its points; others keep theirs
    is_seen: np.ndarray  # (N,) bool: some pixels show it; nothing has told the others where to be

    @property
    def is_part(self) -> np.ndarray:
        """(N,) bool: more of the attribute than of anything else."""
        return self.of_point > _MOSTLY


def part_share(baked: HasPrimitives, frames: Batch, masks: np.ndarray) -> PartShare:
    """What the attribute's masks (F, H, W) uint8 have to do with each of the N points.

    Up to 48 of the F frames are looked at. Points that none of them shows take the share of the nearest that is seen,
    and points of the attribute that are never seen clearly the colour of those beside them. Specks of the attribute
    count as something else.
    """
    count = len(frames.frame)
    rows = np.linspace(0, count - 1, min(_FRAMES, count)).astype(int)
    some, masks, points = take(frames, rows), masks[rows], baked.anchors
    total = _summed(baked, some, masks)
    is_seen = np.asarray(total.whole) > _SEEN
    share = _of_the_seen(np.asarray(total.share()), points, is_seen)
    share[share > _MOSTLY] *= in_company(points[share > _MOSTLY])
    is_part, clear = share > _MOSTLY, np.asarray(total.light).max(axis=1) > _SEEN
    known = (is_part & clear)[:, None]
    albedo = jnp.where(known, total.base_colours(), baked.base_colours)
    for _ in range(_CORRECTIONS):
        more = _summed(baked.edited(colours=albedo), some, masks, residual=True)
        albedo = jnp.where(known, more.corrected(albedo), albedo)
    lent = inpaint_from_neighbours(points, np.asarray(albedo), unknown=is_part & ~clear, known=is_part & clear)
    return PartShare(share, lent, is_seen)


def _of_the_seen(share: np.ndarray, points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Shares (N,) of points (N, 3), in which those that nobody has `seen` (N,) have that of the nearest seen one."""
    if not seen.any():
        return np.zeros_like(share)
    _, nearest = scipy.spatial.cKDTree(points[seen]).query(points[~seen])
    out = np.array(share)
    out[~seen] = share[seen][nearest] if len(nearest) else 0.0
    return out


def _summed(baked: HasPrimitives, frames: Batch, masks: np.ndarray, *, residual: bool = False) -> Observations:
    """What F frames show of the points, with masks (F, H, W) uint8; or what they have more than pictures of them."""
    sums, count = [], len(masks)
    for start in progress.bar(range(0, count, _CHUNK), desc="Colours" if residual else "Whose points are these"):
        rows = np.minimum(np.arange(start, start + _CHUNK), count - 1)
        counts = (np.arange(start, start + _CHUNK) < count).astype(np.float32)
        sums.append(_observed(baked, take(frames, rows), masks[rows], counts, residual=residual))
    return jax.tree.map(lambda *leaves: jnp.asarray(sum(leaves)), *sums)


@functools.partial(jax.jit, static_argnames="residual")
def _observed(
    baked: HasPrimitives, frames: Batch, masks: jax.Array, counts: jax.Array, *, residual: bool
) -> Observations:
    """`_summed` of B frames, which count as `counts` (B,) says."""

    def one(frame_masks_counts) -> Observations:
        frame, mask, count = frame_masks_counts
        matte, mask = count * frame.alpha(), jnp.asarray(mask, jnp.float32) / 255.0
        light = baked.primitives(frame.params, frame.cameras).light
        image = jnp.asarray(frame.image, jnp.float32) / 255.0
        clear = jnp.where(mask > _CLEAR, matte, 0.0)

        def draw(extra: jax.Array) -> Render:
            return baked.render_frame(frame.params, frame.cameras, options=RenderOptions(), extra=extra)

        seen = {"image": image, "matte": matte, "mask": mask, "counts": clear}
        return back_project(draw, light, **seen, residual=residual)

    found = jax.lax.map(one, (jax.tree.map(jnp.asarray, frames), jnp.asarray(masks), jnp.asarray(counts)))
    return jax.tree.map(lambda leaf: leaf.sum(axis=0), found)
