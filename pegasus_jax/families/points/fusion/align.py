"""Where the source's part has to go for it to sit on the target. Supplement B, eqs. 5-9.

A rotation and a translation in FLAME-canonical space bring landmarks of the two avatars together (d1) and the filler to
the target's nearest points (d2), in several poses and expressions at once. The paper looks at one frame. A landmark is
the points that were trained beside it: points that are only beside it once the source has moved are always near.
"""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.spatial

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.points.fusion.fill import VISIBLE, spacing
from pegasus_jax.families.points.fusion.move import moved_points, take
from pegasus_jax.families.points.fusion.posable import Posable, positions
from pegasus_jax.flame.landmarks import embedded_points
from pegasus_jax.flame.model import JAW_OPEN, NECK, POSE_SIZE

_Avatar = TypeVar("_Avatar", bound=Posable)

_STEPS = 250
_RATE = 0.01
_PER_LANDMARK = 4  # nearest points whose mean stands for a landmark: one alone is off by half a spacing
_BESIDE_LANDMARK = 4.0  # spacings of points to the farthest of them, or the cloud knows nothing of the landmark
_FILLER, _BORDER = 256, 2048  # points that are looked at: what the loop holds does not grow with the clouds
_NEAR = 0.3  # head units from the filler: where the target's border is looked for
_OVERLAP = 0.05  # head units from the border within which filler overlaps it: the rest would be drawn sideways
_WORTH = 3e-4  # squared head units (4 mm) that a motion has to gain: landmarks of avatars that fit differ so much


@dataclasses.dataclass(frozen=True)
class Alignment:
    """The motion that was found, and d1 + d2 (squared head units) of the same points without and with it."""

    motion: np.ndarray  # (6,): axis-angle, radians; translation, head units
    before: float
    after: float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class _Goal:
    """What the source's landmarks and filler have to come to, in F frames."""

    landmarks: jax.Array  # (F, 68, 3)
    counts: jax.Array  # (68,): 1 where both avatars show the landmark, else 0
    border: jax.Array  # (F, B, 3)


def probe_frames(source: HeadSpace, target: HeadSpace, betas: jax.Array) -> FlameParams:
    """F frames to compare two avatars in, with one shape `betas` (100,): at rest, and turned, nodding and speaking."""
    pose = np.zeros((5, POSE_SIZE), np.float32)
    pose[1, JAW_OPEN] = 0.25
    pose[2:4, NECK.start + 1] = 0.4, -0.4
    pose[4, NECK.start] = 0.2
    expression = [target.expression_c, source.expression_c]
    return FlameParams(
        betas=jnp.broadcast_to(betas, (len(pose), len(betas))),
        expression=jnp.stack([expression[frame % 2] for frame in range(len(pose))]),
        pose=jnp.asarray(pose),
    )


def align(
    source: Posable,
    target: Posable,
    betas: jax.Array,
    *,
    filler: np.ndarray,
    worn: np.ndarray,
    removed: np.ndarray,
    start: np.ndarray = np.zeros(6, np.float32),
) -> Alignment:
    """Fits the motion of the source's points to the target under the target's betas (100,).

    Args:
        source: N points.
        target: M points.
        betas: the shape of both.
        filler: (N,) bool: candidates, overlapping the target's own points.
        worn: (N,) bool: the attribute; its points are no landmarks.
        removed: (M,) bool: points that the target loses; neither landmarks nor border.
        start: where to start from, as in `Alignment.motion`; `before` is measured there.

    What it holds besides the points' positions in five frames does not grow with the clouds.
    """
    frames = probe_frames(source.space, target.space, betas)
    at_rest = frames.frames(slice(1))
    on_target = positions(target, frames)
    of_source, of_target = _landmarks(source, worn), _landmarks(target, removed)
    both = jnp.asarray(of_source.found & of_target.found, jnp.float32)
    filling = np.flatnonzero(filler)
    kept = ~removed & ~np.asarray(target.points.inner)
    border = on_target[:, _border(_with(source, filling), on_target[0], kept, at_rest)]
    fitting = filling[_beside(_with(source, filling), border[0], at_rest)]
    goal = _Goal(on_target[:, of_target.points].mean(axis=2), both, border)
    some = _with(source, np.concatenate([of_source.points.ravel(), fitting]))
    first = jnp.asarray(start, jnp.float32)
    motion, before, after = _descend(some, goal, frames, first)
    if not before - after > _WORTH:
        motion, after = first, before
    return Alignment(np.asarray(motion), float(before), float(after))


def _moved(avatar: _Avatar, motion: jax.Array) -> _Avatar:
    points = moved_points(avatar.points, avatar.space, motion)
    return dataclasses.replace(avatar, points=points)  # type: ignore[type-var]


def _with(avatar: _Avatar, rows: np.ndarray) -> _Avatar:
    """The avatar with the points at `rows` alone."""
    return dataclasses.replace(avatar, points=take(avatar.points, jnp.asarray(rows)))  # type: ignore[type-var]


@dataclasses.dataclass(frozen=True)
class _Landmarks:
    points: np.ndarray  # (68, 4): nearest points of each landmark
    found: np.ndarray  # (68,) bool: they are near, and none of them is of the attribute


def _landmarks(avatar: Posable, part: np.ndarray) -> _Landmarks:
    space, points = avatar.space, avatar.points
    places = np.asarray(embedded_points(space.vertices_fc, space.head.faces, space.head.lmk68)).reshape(-1, 3)
    outer = np.flatnonzero(~np.asarray(points.inner) & (np.asarray(points.opacity) > VISIBLE))
    tree = scipy.spatial.cKDTree(np.asarray(points.x_fc)[outer])
    distance, rows = tree.query(places, k=_PER_LANDMARK)
    near = distance.max(axis=1) < _BESIDE_LANDMARK * spacing(tree)
    nearest = outer[rows.astype(int)]
    return _Landmarks(nearest, ~part[nearest].any(axis=1) & near)


def _border(filler: Posable, target_d: jax.Array, kept: np.ndarray, at_rest: FlameParams) -> np.ndarray:
    """Rows of the target's kept points (M,) bool around the filler, both at rest."""
    distance = _distances(np.asarray(target_d), np.asarray(positions(filler, at_rest)[0]))
    return _so_many(np.flatnonzero(kept & (distance < _NEAR)), _BORDER)


def _beside(filler: Posable, border_d: jax.Array, at_rest: FlameParams) -> np.ndarray:
    """Rows of the filler that overlaps the border, both at rest."""
    distance = _distances(np.asarray(positions(filler, at_rest)[0]), np.asarray(border_d))
    return _so_many(np.flatnonzero(distance < _OVERLAP), _FILLER)


def _distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From points (N, 3) to the nearest of others (M, 3): (N,); infinite if there are none."""
    if not len(others):
        return np.full(len(points), np.inf)
    return scipy.spatial.cKDTree(others).query(points)[0]


def _so_many(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows, the same every time, some twice if they are fewer: one compiled program serves all.

    None if there are none.
    """
    if len(rows) <= count:
        return np.resize(rows, count if len(rows) else 0)
    return np.random.default_rng(0).choice(rows, count, replace=False)


@jax.jit
def _descend(source: Posable, goal: _Goal, frames: FlameParams, start: jax.Array):
    """Adam from `start` (6,): the motion, and d1 + d2 before and after."""
    optimiser = optax.adam(optax.cosine_decay_schedule(_RATE, _STEPS))

    def distance(motion: jax.Array) -> jax.Array:
        placed = positions(_moved(source, motion), frames)
        count = len(goal.counts) * _PER_LANDMARK
        landmarks = placed[:, :count].reshape(*goal.landmarks.shape[:2], _PER_LANDMARK, 3).mean(axis=2)
        d1 = _mean_square(landmarks - goal.landmarks, goal.counts)
        return d1 + _to_border(placed[:, count:], goal.border)

    def step(carry, _):
        motion, state = carry
        updates, state = optimiser.update(jax.grad(distance)(motion), state)
        return (optax.apply_updates(motion, updates), state), None

    (motion, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), length=_STEPS)
    return motion, distance(start), distance(motion)


def _mean_square(offsets: jax.Array, counts: jax.Array) -> jax.Array:
    """Mean squared length of those vectors (F, L, 3) that count (L,); 0 where none does."""
    square = jnp.sum(offsets**2, axis=-1).mean(axis=0)
    return jnp.sum(counts * square) / jnp.maximum(1.0, jnp.sum(counts))


def _to_border(filler: jax.Array, border: jax.Array) -> jax.Array:
    """Mean squared distance of filler (F, M, 3) to its nearest of the border (F, B, 3)."""
    if not filler.shape[1] or not border.shape[1]:
        return jnp.zeros(())

    def nearest(filler: jax.Array, border: jax.Array) -> jax.Array:
        square = jnp.sum(border**2, axis=1)[None, :] - 2.0 * filler @ border.T
        return border[jnp.argmin(square, axis=1)]

    offsets = filler - jax.lax.stop_gradient(jax.vmap(nearest)(filler, border))
    return jnp.mean(jnp.sum(offsets**2, axis=-1))
