"""What looks change of a person's Gaussians: maps from codes, each for the Gaussians of its part alone.

    attribute(z) = attribute + sum_c mask_c sum_k (z_c - z_c of the person as filmed)_k map_ck

for offset, rotation, scale, opacity and colour. A look cannot change what is not its part: its mask is 0 there. The
person as filmed has codes of zero, so that nothing is added.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage
import scipy.spatial
from flax import nnx

from pegasus_jax.core.latents import LatentTable
from pegasus_jax.data.frames import OWN_PART, Batch
from pegasus_jax.data.videos import Videos
from pegasus_jax.families.gaussians import binding, parts, shell
from pegasus_jax.families.gaussians.binding import Binding
from pegasus_jax.families.gaussians.initial_colours import observed
from pegasus_jax.families.gaussians.params import HIDDEN_LOGIT, Params
from pegasus_jax.families.gaussians.rig import Rig
from pegasus_jax.flame.model import HeadModel

_ABOVE = ("hat", OWN_PART)  # categories that cover those after them, and all others
_NEIGHBOURS = 3
_OFF_OWN_HAIR = (OWN_PART, "hat")  # categories under which the person's own hair may be gone
_IN_PART = 0.15  # share of what frames show of a Gaussian that lies in a part, from which on it belongs to it
_IS_HAIR = 0.3
_GONE = 0.1  # share of own hair in the new hair's mask below which it starts hidden
_GROWN = 0.02  # picture sides that a part's mask is widened by: shade beside it is its own
_COVERING = 8_000  # places that say which pixels the head covers
_SHOWN_LOGIT = 0.5  # of opacities that a look's own Gaussians start with
_GONE_LOGIT = -4.0


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Maps:
    """What each number of the codes of C categories, K in each, adds to N Gaussians, in the units of `Params`."""

    offset: jax.Array  # (C, K, 3, N)
    quaternion: jax.Array  # (C, K, 4, N)
    log_scale: jax.Array  # (C, K, 3, N)
    opacity_logit: jax.Array  # (C, K, N)
    colour: jax.Array  # (C, K, 3, N)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Reach:
    """Which of N Gaussians looks of C categories have to do with."""

    mask: jax.Array  # (C, N) 0 or 1: whom they may change
    cover: jax.Array  # (C, N) 0 or 1: whom they show as their part: what is worn beneath has no say there

    def under(self, categories: tuple[str, ...], strengths: jax.Array) -> jax.Array:
        """The mask (C, N) where looks are worn to the extent of `strengths` (C,): a hat covers hair, hair all else."""
        mask = self.mask
        for above, over in enumerate(categories):
            bare = 1.0 - strengths[above] * self.cover[above]
            beneath = [_rank(over) < _rank(category) for category in categories]
            mask = jnp.where(jnp.asarray(beneath)[:, None], mask * bare[None], mask)
        return mask


def _rank(category: str) -> int:
    return _ABOVE.index(category) if category in _ABOVE else len(_ABOVE)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Looks:
    """All that looks are, besides the person."""

    maps: Maps
    codes: jax.Array  # (L, K)


def slots(look_categories: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the C categories that some look is of."""
    return tuple(dict.fromkeys(look_categories))


def code_size(look_categories: tuple[str, ...], rank: int) -> int:
    """Returns K: as many numbers as the most looks of one category, `rank` at most."""
    return min(rank, max(look_categories.count(category) for category in look_categories))


def table(look_categories: tuple[str, ...], codes: jax.Array) -> LatentTable:
    """Returns the table of these codes (L, K), whose base codes, those of the person as filmed, are zero."""
    found = LatentTable(code_size=codes.shape[1], look_categories=look_categories, rngs=nnx.Rngs(0))
    found.base[...] = jnp.zeros_like(found.base[...])
    found.looks[...] = codes
    return found


def initial_looks(look_categories: tuple[str, ...], rank: int, num_gaussians: int, *, seed: int) -> Looks:
    """Returns maps of zeros; codes are unit vectors while a category has no more looks than numbers, else random."""
    size, rng = code_size(look_categories, rank), np.random.default_rng(seed)
    codes = rng.normal(size=(len(look_categories), size)) / np.sqrt(size)
    for category in slots(look_categories):
        rows = [row for row, own in enumerate(look_categories) if own == category]
        if len(rows) <= size:
            codes[rows] = np.eye(len(rows), size)
    shape = (len(slots(look_categories)), size)
    vectors = {name: jnp.zeros((*shape, 3, num_gaussians)) for name in ("offset", "log_scale", "colour")}
    rest = {"quaternion": jnp.zeros((*shape, 4, num_gaussians)), "opacity_logit": jnp.zeros((*shape, num_gaussians))}
    return Looks(Maps(**vectors, **rest), jnp.asarray(codes, jnp.float32))


def strengths(look_categories: tuple[str, ...], codes: jax.Array, worn: jax.Array) -> jax.Array:
    """Returns to what extent, (C,) in [0, 1], codes (C, K) are worn: the sum of the shares of looks (L, K) in them."""
    found = []
    for number, category in enumerate(slots(look_categories)):
        own = codes[np.array([row for row, name in enumerate(look_categories) if name == category])]
        found.append(jnp.clip(jnp.sum(jnp.abs(worn[number] @ jnp.linalg.pinv(own))), 0.0, 1.0))
    return jnp.stack(found)


def wear(params: Params, maps: Maps, mask: jax.Array, codes: jax.Array) -> Params:
    """Returns the parameters under codes.

    Args:
      params: the person's.
      maps: of C categories.
      mask: (C, N) in [0, 1]: whom the codes of each category may change.
      codes: (C, K): zero where the person is as filmed.
    """

    def added(leaf: jax.Array) -> jax.Array:
        flat = leaf.reshape(*leaf.shape[:2], -1)
        summed = jnp.einsum("ck,ckm->cm", codes, flat, precision=jax.lax.Precision.HIGHEST)
        shaped = summed.reshape(summed.shape[0], *leaf.shape[2:])
        return jnp.sum(shaped * mask.reshape(mask.shape[0], *[1] * (leaf.ndim - 3), mask.shape[1]), axis=0)

    names = [field.name for field in dataclasses.fields(maps)]
    more = {name: getattr(params, name) + added(getattr(maps, name)) for name in names}
    return dataclasses.replace(params, **more)


def newcomers(head: HeadModel, betas: np.ndarray, videos: Videos, count: int, *, seed: int) -> list[Binding]:
    """Returns, for each look but the first, up to `count` places around the head that its part fills.

    Frames say which these are; a part that the head covers, such as a nose, has none.
    """
    found = []
    for look in range(1, len(videos.counts)):
        frames = videos.sample(look)
        views = (frames.expression, frames.pose, frames.T_camera_world)
        covering = binding.on_surface(head, betas, views, _COVERING, seed)
        of_part = dataclasses.replace(frames, matte=frames.seg)
        found.append(shell.around_head(head, betas, of_part, count, on_head=covering, seed=seed + look))
    return found


def first_looks(
    looks: Looks,
    params: Params,
    rig: Rig,
    videos: Videos,
    *,
    look_categories: tuple[str, ...],
    hair: np.ndarray,
    sizes: list[int],
    frames: int,
    training_side: int,
) -> tuple[Params, Looks, Reach]:
    """Returns looks in the colours of their frames, and whom each category has to do with.

    A look's own Gaussians have these colours in the person's parameters, hidden as they are: half-way to the look they
    are half there, and of no other colour.

    Args:
      looks: whose codes are known.
      params: the person's, trained.
      rig: of the N Gaussians.
      videos: of all looks.
      look_categories: of the looks.
      hair: (N,) in [0, 1]: how much of each is the person's own hair.
      sizes: how many of the last Gaussians each look has for itself, in order.
      frames: of each look to look at.
      training_side: pixels.
    """
    count, names = rig.num_gaussians, slots(look_categories)
    mask, cover = np.zeros((2, len(names), count), np.float32)
    starts = count - sum(sizes) + np.cumsum([0, *sizes])
    colours = np.zeros((len(look_categories), 3, count), np.float32)
    opacities = np.zeros((len(look_categories), count), np.float32)
    colour = np.array(params.colour).T
    for row, category in enumerate(look_categories):
        own = np.zeros(count, bool)
        own[starts[row] : starts[row + 1]] = True
        shown = params.opacity_logit + jnp.where(own, _SHOWN_LOGIT - HIDDEN_LOGIT, 0.0)
        sample = _widened(videos.sample(row + 1, count=frames))
        seen = observed(dataclasses.replace(params, opacity_logit=shown), rig, sample, training_side=training_side)
        part = _of_part(rig, seen, own, category, hair, first_own=starts[0])
        number, of_others = names.index(category), (np.arange(count) >= starts[0]) & ~own
        mask[number] = np.maximum(mask[number], part)
        cover[number] = np.maximum(cover[number], _covered(rig, seen[:, 3], of_others))
        known = part & np.isfinite(seen[:, 0]) & (seen[:, 3] >= 0.5)
        colour[known & own] = seen[known & own, :3]
        colours[row, :, known] = seen[known, :3] - colour[known]
        gone = (hair > _IS_HAIR) & (np.nan_to_num(seen[:, 3]) < _GONE) & (category == OWN_PART)
        opacities[row, own] = _SHOWN_LOGIT - HIDDEN_LOGIT
        opacities[row, gone & (np.arange(count) < starts[0])] = _GONE_LOGIT
    codes, maps = np.asarray(looks.codes), looks.maps
    for number, category in enumerate(names):
        rows = [row for row, own_category in enumerate(look_categories) if own_category == category]
        inverse = np.linalg.pinv(codes[rows])
        of_colour = np.einsum("kl,ldn->kdn", inverse, colours[rows])
        of_opacity = np.einsum("kl,ln->kn", inverse, opacities[rows])
        maps = dataclasses.replace(
            maps,
            colour=maps.colour.at[number].set(of_colour),
            opacity_logit=maps.opacity_logit.at[number].set(of_opacity),
        )
    coloured = dataclasses.replace(params, colour=jnp.asarray(colour.T))
    return coloured, Looks(maps, looks.codes), Reach(jnp.asarray(mask), jnp.asarray(cover))


def _covered(rig: Rig, shares: np.ndarray, of_others: np.ndarray) -> np.ndarray:
    """(N,) bool: most of what frames show of a Gaussian is the part; of other looks', of those beside them."""
    found, known = np.nan_to_num(shares), np.isfinite(shares) & ~of_others
    if known.sum() >= _NEIGHBOURS and of_others.any():
        places = np.asarray(rig.rest[:3]).T
        near = scipy.spatial.cKDTree(places[known]).query(places[of_others], k=_NEIGHBOURS)[1]
        found[of_others] = shares[known][near].mean(axis=1)
    return found >= 0.5


def _of_part(
    rig: Rig, seen: np.ndarray, own: np.ndarray, category: str, hair: np.ndarray, *, first_own: int
) -> np.ndarray:
    """(N,) bool: what a look may change: what its part shows, and, where that can uncover it, own hair and scalp."""
    part = np.asarray(rig.part)
    chosen = np.nan_to_num(seen[:, 3]) >= _IN_PART
    if category in _OFF_OWN_HAIR:
        chosen |= (hair > _IS_HAIR) | (part == parts.SCALP)
    of_others = (np.arange(len(part)) >= first_own) & ~own
    return own | (chosen & ~of_others & ~np.isin(part, parts.INSIDE))


def _widened(frames: Batch) -> Batch:
    """Frames whose masks of the part reach a little beyond it."""
    size = 1 + 2 * round(_GROWN * frames.seg.shape[1])
    return dataclasses.replace(frames, seg=scipy.ndimage.grey_dilation(frames.seg, size=(1, size, size)))
