"""Which points a fused avatar takes: the attribute of the source, the rest of the target. Supplement B, eq. 1.

The segmentation cue of an avatar knows the part that a look brought, and the hair of the person as filmed. So the
target's own hair is found by its own cue; what it loses for another attribute is what lies where the source's covers
the head.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.core.inpainting import inpaint_from_neighbours
from pegasus_jax.core.spread import in_company
from pegasus_jax.errors import UserError
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.points.posing import CanonicalPoints

_NEIGHBOURS = 4  # points that vote on whose a head vertex is
_VOTERS = 9  # points, itself among them, that vote on what a point is
_HALF = 0.5
_SOME = 0.3  # share of votes from which on a point is of the part's hidden side, where training seldom saw it
_CLEAR = 2.0  # logit of the cue from which on a point's colour has nothing of skin or shirt in it
_SAME_WAY = 0.08  # radians within which two points lie in the same direction
_THERE = 0.3  # opacity from which on a point belongs to a look
_HARDLY = 0.2  # opacity from which on it may be beside one
_OFF = 0.06  # head units from the scalp from which on a point is hair: 15 mm
_EVERYTHING = 0.95  # share of an avatar's points that no attribute has


@dataclasses.dataclass(frozen=True)
class Part:
    """What one attribute changes: N points of the source, M of the target."""

    worn: np.ndarray  # (N,) bool: the attribute
    beside: np.ndarray  # (N,) bool: what the cue is undecided about; it closes gaps at the attribute's hidden side
    clear: np.ndarray  # (N,) bool: those of it that are not at its border; half of it at least
    removed: np.ndarray  # (M,) bool: what the target loses for it
    filler: np.ndarray  # (N,) bool: source points around what the target loses, candidates to fill the gap
    as_filmed: np.ndarray  # (N,) bool: those of the filler that the part would hide on the source

    @property
    def closed(self) -> np.ndarray:
        """(N,) bool: the attribute with what closes its gaps."""
        return self.worn | self.beside


def worn_points(points: CanonicalPoints, attribute: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The source's points that are the attribute, by its segmentation cue, those beside it, and the clearest half.

    (N,) bool each, as in `Part`. Clear are more than half of the first if so many are beyond doubt.

    Raises:
        UserError: the cue selects nothing, or everything.
    """
    share, opacity = _share(points), np.asarray(points.opacity)
    wide = (share > _SOME) & (opacity > _HARDLY)
    wide[wide] = in_company(np.asarray(points.x_fc)[wide])
    worn = wide & (share > _HALF) & (opacity > _THERE)
    if not worn.any() or worn.mean() > _EVERYTHING:
        told = "everything" if worn.any() else "nothing"
        raise UserError(
            f"The source's segmentation cue takes {told} for {attribute}: it has not learned that part; train the "
            "source longer, on folders with masks in parts/."
        )
    logit = np.asarray(points.seg_logit)
    return worn, wide & ~worn, worn & (logit >= min(_CLEAR, np.median(logit[worn])))


def own_part_points(points: CanonicalPoints, attribute: str) -> np.ndarray:
    """The target's points (N,) bool that are the part which its cue knows; a bald head has none.

    Raises:
        UserError: the cue selects everything.
    """
    part = _share(points) > _HALF
    if part.mean() > _EVERYTHING:
        raise UserError(
            f"The target's segmentation cue takes everything for {attribute}, so nothing of the person would be left; "
            "train the target longer, on a folder with masks in parts/."
        )
    return part


def off_the_scalp(space: HeadSpace, points: CanonicalPoints) -> np.ndarray:
    """(N,) bool: what stands off the scalp is hair, though the cue may have missed it."""
    scalp = np.asarray(space.head.regions.get("scalp", np.zeros(space.head.num_vertices)), bool)
    return scalp[np.asarray(points.nearest)] & (height(space, points) > _OFF)


def told_points(points: CanonicalPoints) -> np.ndarray:
    """(N,) bool: the part which an avatar's cue knows; nothing if that is everything: it never learned."""
    part = _share(points) > _HALF
    return part & (part.mean() <= _EVERYTHING)


def _share(points: CanonicalPoints) -> np.ndarray:
    """(N,): share of a point's visible neighbours for which lg(chi) > 0.5; single ones would float in the air.

    Points that a look has faded out have learned no cue, so they have no vote.
    """
    part, x_fc, opacity = np.asarray(points.seg_logit) > 0.0, np.asarray(points.x_fc), np.asarray(points.opacity)
    _, nearest = scipy.spatial.cKDTree(x_fc).query(x_fc, k=_VOTERS)
    weight = opacity[nearest]
    return np.sum(weight * part[nearest], axis=1) / np.maximum(weight.sum(axis=1), 1e-6)


def purer(points: CanonicalPoints, part: Part) -> CanonicalPoints:
    """The source's points, the attribute's ready to be worn by another: opaque, and at its border in its own colour.

    There the source's training mixes hair with skin and shirt, which would shine on another's forehead.
    """
    opacity = np.where(part.closed, 1.0, np.asarray(points.opacity)).astype(np.float32)
    x_fc, albedo = np.asarray(points.x_fc), np.asarray(points.albedo)
    albedo = inpaint_from_neighbours(x_fc, albedo, unknown=part.closed & ~part.clear, known=part.clear)
    return dataclasses.replace(points, opacity=jnp.asarray(opacity), albedo=jnp.asarray(albedo))


def points_under(space: HeadSpace, points: CanonicalPoints, worn: np.ndarray, target: CanonicalPoints) -> np.ndarray:
    """The target's points (M,) bool on head vertices that worn points (N,) of the source cover."""
    return covered_vertices(space, points, worn)[np.asarray(target.nearest)]


def outside_of(
    space: HeadSpace, points: CanonicalPoints, worn: np.ndarray, target: CanonicalPoints, hair: np.ndarray
) -> np.ndarray:
    """The target's points (M,) bool of its `hair` (M,) that a hat of worn points (N,) would be under.

    Seen from the middle of the scalp they lie behind it. Long hair stands off the head by more than a hat does, over
    vertices that the hat does not cover.
    """
    scalp = np.asarray(space.head.regions.get("scalp", np.ones(space.head.num_vertices)), bool)
    middle = np.asarray(space.vertices_fc)[scalp].mean(axis=0)
    (worn_way, worn_far), (way, far) = (
        _from(middle, np.asarray(x_fc)) for x_fc in (np.asarray(points.x_fc)[worn], target.x_fc)
    )
    apart, nearest = scipy.spatial.cKDTree(worn_way).query(way)
    return hair & (apart < _SAME_WAY) & (far > worn_far[nearest])


def _from(middle: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (N, 3) of unit length, and distances (N,)."""
    offset = places - middle
    distance = np.maximum(np.linalg.norm(offset, axis=1), 1e-6)
    return offset / distance[:, None], distance


def height(space: HeadSpace, points: CanonicalPoints) -> np.ndarray:
    """(N,): distance of points from their nearest head vertex, head units."""
    offset = np.asarray(points.x_fc) - np.asarray(space.vertices_fc)[np.asarray(points.nearest)]
    return np.linalg.norm(offset, axis=1)


def covered_vertices(space: HeadSpace, points: CanonicalPoints, part: np.ndarray) -> np.ndarray:
    """Head vertices (V,) bool most of whose nearest points are in `part` (N,)."""
    vertices = np.asarray(space.vertices_fc)
    _, nearest = scipy.spatial.cKDTree(np.asarray(points.x_fc)).query(vertices, k=_NEIGHBOURS)
    return part[nearest].mean(axis=1) > _HALF
