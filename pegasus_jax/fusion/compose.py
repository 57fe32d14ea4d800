"""Which points a fused avatar takes: the attribute of the source, the rest of the target. Supplement B, eq. 1.

The segmentation cue of an avatar knows the part that a look brought, and the hair of the person as filmed. So the
target's own hair is found by its own cue; what it loses for another attribute is what lies where the source's covers
the head.
"""

import dataclasses

import numpy as np
import scipy.spatial

from pegasus_jax.errors import UserError
from pegasus_jax.models.head_space import HeadSpace
from pegasus_jax.models.posing import CanonicalPoints

_NEIGHBOURS = 4  # points that vote on whose a head vertex is
_VOTERS = 9  # points, itself among them, that vote on what a point is
_HALF = 0.5
_CLEARLY = 0.75  # at the border some of the source's skin passes for hair, and would shine on another's forehead
_EVERYTHING = 0.95  # share of an avatar's points that no attribute has


@dataclasses.dataclass(frozen=True)
class Part:
    """What one attribute changes: N points of the source, M of the target."""

    worn: np.ndarray  # (N,) bool: the attribute
    removed: np.ndarray  # (M,) bool: what the target loses for it
    filler: np.ndarray  # (N,) bool: source points around what the target loses, candidates to fill the gap


def worn_points(points: CanonicalPoints, attribute: str) -> np.ndarray:
    """The source's points (N,) bool that are the attribute, by its segmentation cue: lg(chi) > 0.5.

    Raises:
        UserError: the cue selects nothing, or everything.
    """
    worn = _by_cue(points, votes=_CLEARLY)
    if not worn.any() or worn.mean() > _EVERYTHING:
        told = "everything" if worn.any() else "nothing"
        raise UserError(
            f"The source's segmentation cue takes {told} for {attribute}: it has not learned that part; train the "
            "source longer, on folders with masks in parts/."
        )
    return worn


def own_part_points(points: CanonicalPoints, attribute: str) -> np.ndarray:
    """The target's points (N,) bool that are the part which its cue knows; a bald head has none.

    Raises:
        UserError: the cue selects everything.
    """
    part = _by_cue(points, votes=_HALF)
    if part.mean() > _EVERYTHING:
        raise UserError(
            f"The target's segmentation cue takes everything for {attribute}, so nothing of the person would be left; "
            "train the target longer, on a folder with masks in parts/."
        )
    return part


def _by_cue(points: CanonicalPoints, *, votes: float) -> np.ndarray:
    """(N,) bool: lg(chi) > 0.5 for more than a share of a point's neighbours; single ones would float in the air."""
    part, x_fc = np.asarray(points.seg_logit) > 0.0, np.asarray(points.x_fc)
    _, nearest = scipy.spatial.cKDTree(x_fc).query(x_fc, k=_VOTERS)
    return part[nearest].mean(axis=1) > votes


def points_under(space: HeadSpace, points: CanonicalPoints, worn: np.ndarray, target: CanonicalPoints) -> np.ndarray:
    """The target's points (M,) bool on head vertices that worn points (N,) of the source cover."""
    return covered_vertices(space, points, worn)[np.asarray(target.nearest)]


def covered_vertices(space: HeadSpace, points: CanonicalPoints, part: np.ndarray) -> np.ndarray:
    """Head vertices (V,) bool most of whose nearest points are in `part` (N,)."""
    vertices = np.asarray(space.vertices_fc)
    _, nearest = scipy.spatial.cKDTree(np.asarray(points.x_fc)).query(vertices, k=_NEIGHBOURS)
    return part[nearest].mean(axis=1) > _HALF
