"""Hair on another head: it hangs from the scalp, and rests on the ears.

Driven by the target's betas, every point of a donor's hair moves as the skin nearest to it does: tips spread with the
neck and the jaw, and ears come through. So hair that stands off the skin moves as the scalp above it instead, and where
it lies on ears that are larger on the target, all that falls past them gives way. Not in the papers.
"""

import numpy as np
import scipy.spatial
from jax.typing import ArrayLike

from pegasus_jax.flame.builtin.fields import smoothstep
from pegasus_jax.flame.model import HeadModel

_ANCHORS = 12  # vertices of the scalp whose mean motion a point has
_ON_SKIN, _OFF_SKIN = 0.0, 0.04  # head units (a unit is 25 cm) off the skin between which hair leaves it
_SPACING = 0.01  # head units between vertices of the scalp, about
_TIP = 0.1  # share of an ear's vertices that stand out most
_BESIDE = 0.12  # head units up, down, fore and aft of an ear's tip: hair that covers it
_PAST = 0.25  # share of that hair below the tip; less of it, and the hair ends above the ear
_RESTS = 0.08  # head units of hair over an ear, above which the ear may grow into it
_OUTER = 95  # percentile of the hair beside an ear that is its outside
_GIVES, _GIVEN = 0.0, 0.8  # of the way from the crown to the ears, between which hair begins to give way
_FACE_BEGINS, _FACE = 0.1, 0.35  # head units in front of the ears, where hair gives way less and less


def retarget_hair(
    head: HeadModel,
    vertices_fc: np.ndarray,
    points_fc: np.ndarray,
    nearest: np.ndarray,
    is_hair: np.ndarray,
    *,
    own: ArrayLike,
    other: ArrayLike,
) -> np.ndarray:
    """What to add to points in rest pose, (N, 3), so that hair fits a head of `other` betas (100,) if drawn with them.

    Args:
        head: the head model.
        vertices_fc: (V, 3) of its mean shape, in FLAME-canonical space.
        points_fc: (N, 3), the points in FLAME-canonical space.
        nearest: (N,), the head vertices that they move with.
        is_hair: (N,) bool; to the others nothing is added, nor to any with a head model that names no scalp.
        own, other: betas.
    """
    offset = np.zeros((len(is_hair), 3), np.float32)
    scalp, ears = (np.asarray(head.regions.get(name, np.zeros(head.num_vertices)), bool) for name in ("scalp", "ears"))
    if is_hair.any() and scalp.any():
        vertices, hair = np.asarray(vertices_fc), np.asarray(points_fc)[is_hair]
        motion = np.asarray(head.shapedirs) @ (np.asarray(other) - np.asarray(own))
        with_skin = motion[np.asarray(nearest)[is_hair]]
        offset[is_hair] = hair_motion(hair, vertices, motion, with_skin, scalp=scalp, ears=ears) - with_skin
    return offset


def hair_motion(
    points: np.ndarray,
    vertices: np.ndarray,
    motion: np.ndarray,
    with_skin: np.ndarray,
    *,
    scalp: np.ndarray,
    ears: np.ndarray,
) -> np.ndarray:
    """How hair at points (N, 3) moves when the `vertices` (V, 3) of its head move by `motion` (V, 3): (N, 3).

    On the skin it is `with_skin` (N, 3); `scalp` and `ears` (V,) bool are the head's.
    """
    anchors, around = scalp & ~ears, scipy.spatial.cKDTree(vertices[~ears])
    distance, nearest = scipy.spatial.cKDTree(vertices[anchors]).query(points, k=range(1, _ANCHORS + 1))
    known = np.isfinite(distance)
    weight = np.where(known, 1.0 / (distance + _SPACING) ** 2, 0.0)
    of_anchors = motion[anchors][np.where(known, nearest, 0)]
    hanging = np.einsum("nk,nkc->nc", weight / weight.sum(axis=1, keepdims=True), of_anchors)
    if ears.any():
        hanging = hanging + _giving_way(points, hanging, vertices, motion, ears)
    free = smoothstep(around.query(points)[0], _ON_SKIN, _OFF_SKIN)[:, None]
    return free * hanging + (1.0 - free) * with_skin


def _giving_way(
    points: np.ndarray, hanging: np.ndarray, vertices: np.ndarray, motion: np.ndarray, ears: np.ndarray
) -> np.ndarray:
    """What hair at points (N, 3) that moves by `hanging` (N, 3) gives way for `ears` (V,) bool: (N, 3)."""
    middle, crown = vertices[ears].mean(axis=0), vertices[:, 1].max()
    outwards = points - middle
    outwards[:, 1] = 0.0
    outwards[:, 0] = points[:, 0]
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-6)
    falls = smoothstep((crown - points[:, 1]) / (crown - middle[1]), _GIVES, _GIVEN)
    beside_face = smoothstep(points[:, 2] - middle[2], _FACE, _FACE_BEGINS)
    width = np.zeros(len(points))
    for side in (-1.0, 1.0):
        here = side * points[:, 0] > 0
        width[here] = _overlap(side, points[here], hanging[here], vertices, motion, ears)
    return (width * falls * beside_face)[:, None] * outwards


def _overlap(
    side: float, points: np.ndarray, hanging: np.ndarray, vertices: np.ndarray, motion: np.ndarray, ears: np.ndarray
) -> float:
    """How far one ear comes closer to the hair that rests on it, head units; 0 where hair does not cover it."""
    own = np.flatnonzero(ears & (side * vertices[:, 0] > 0))
    if not len(own):
        return 0.0
    tip = own[np.argsort(-side * vertices[own, 0])[: max(1, round(_TIP * len(own)))]]
    from_tip = points - vertices[tip].mean(axis=0)
    beside = (np.abs(from_tip)[:, 1:] < _BESIDE).all(axis=1)
    if np.sum(from_tip[beside, 1] < 0.0) <= _PAST * np.sum(beside):
        return 0.0
    outside, outside_moved = (np.percentile(side * place[beside, 0], _OUTER) for place in (points, points + hanging))
    over = outside - (side * vertices[tip, 0]).max()
    over_moved = outside_moved - (side * (vertices + motion)[tip, 0]).max()
    return float(max(0.0, min(over, _RESTS) - over_moved)) if over > 0 else 0.0
