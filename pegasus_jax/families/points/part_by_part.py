"""Several parts at once, and codes between looks: every point follows the code of the part that it is in.

Training shows one look at a time, so networks have never seen codes of several looks together, nor one drawn at random;
what they say of a mouth under a new code of hair is an accident. So each code is asked alone, and has its say where its
part is or that of a look of its kind, the person's own included, and a little beside them. Elsewhere points are as in
the looks that the code is near to, which training has shown. A look alone is as networks have it. Not in the papers.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.core.spread import in_company
from pegasus_jax.families.points.mixed_points import mixed, weighted
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.flame.builtin.fields import smoothstep

_NEAR, _FAR = 0.03, 0.08  # head units beside a part between which a code loses its say: skin that hair uncovers
_THERE = 0.3  # opacity from which on a point belongs to a look


@dataclasses.dataclass(frozen=True)
class Worn:
    """What one slot's code makes of N points if everything else is as filmed."""

    points: CanonicalPoints
    looks: Sequence[CanonicalPoints]  # the points as filmed, then in the slot's looks; at a look's code that one alone
    nearness: np.ndarray  # (L,) of the code to theirs; its sum is 1
    replaces_own: bool  # the part takes the place of the one that the cue knows of the person as filmed


def part_by_part(filmed: CanonicalPoints, worn: Mapping[str, Worn]) -> CanonicalPoints:
    """N points under the codes of several slots; the segmentation's logit is that of the part surest of a point."""
    if not worn:
        return filmed
    first, *others = worn.values()
    if not others and not first.looks[1:]:
        return first.points  # everywhere, part or not: a look alone
    shares = np.stack([_share(filmed, one) for one in worn.values()])
    shares = shares / np.maximum(shares.sum(axis=0), 1.0)
    rest = 1.0 - shares.sum(axis=0)
    known = mixed([filmed, *(_near_looks(one) for one in worn.values())], _added)
    points = mixed([known, *(one.points for one in worn.values())], weighted(np.stack([rest, *shares])))
    surest = jnp.max(jnp.stack([one.points.seg_logit for one in worn.values()]), axis=0)
    return dataclasses.replace(points, seg_logit=surest, opacity=jnp.clip(points.opacity, 0.0, 1.0))


def _near_looks(worn: Worn) -> CanonicalPoints:
    """The N points of the looks, mixed by nearness."""
    return mixed(worn.looks, weighted(np.tile(worn.nearness[:, None], len(worn.points.nearest))))


def _added(arrays: jax.Array, axis: int) -> jax.Array:
    """What the others change of the first, all together."""
    if not jnp.issubdtype(arrays.dtype, jnp.floating):
        return arrays[0]
    return arrays[0] + jnp.sum(arrays[1:] - arrays[:1], axis=0)


def _share(filmed: CanonicalPoints, worn: Worn) -> np.ndarray:
    """(N,) in [0, 1]: how far points follow a code; wholly, all of them, where no cue tells its part."""
    part = _part(worn.points)
    if not part.any() or part.all():
        return np.ones(len(part))
    share = _beside(worn.points, part)
    for points in (filmed, *worn.looks[1:]) if worn.replaces_own else worn.looks[1:]:
        there = _part(points)
        if there.any() and not there.all():
            share = np.maximum(share, _beside(points, there))
    return share


def _part(points: CanonicalPoints) -> np.ndarray:
    part = (np.asarray(points.seg_logit) > 0.0) & (np.asarray(points.opacity) > _THERE)
    part[part] = in_company(np.asarray(points.x_fc)[part])
    return part


def _beside(points: CanonicalPoints, part: np.ndarray) -> np.ndarray:
    x_fc = np.asarray(points.x_fc)
    return smoothstep(scipy.spatial.cKDTree(x_fc[part]).query(x_fc)[0], _FAR, _NEAR)
