"""Where hair and clothes start: points inside every matte, as near to the head as the mattes allow.

Points that start on the head alone have to find their way, step by step, to a shoulder or the end of a lock. A few
frames of a turning head say in advance which places are never background. Laurentini (1994) calls them the visual hull;
from the front alone it is far too deep, so that of the places which a pixel may show, the one nearest to the head is
taken, and only for pixels that the head model leaves open.
"""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.core.spread import farthest_first
from pegasus_jax.data.frames import Batch
from pegasus_jax.families.free_points.head_space import HeadSpace, frame_motion
from pegasus_jax.families.free_points.skinning import skin, unpose
from pegasus_jax.flame import lbs
from pegasus_jax.flame.head_discs import splat_triangles

_CANDIDATES = 100_000
_BOX = np.array([[0.6, 0.6, 0.3], [0.6, 0.3, 0.3]])  # heads below, left and behind it, and above, right and before it
_OUTSIDE = 0.01  # head units above the skin
_FOREGROUND = 0.5  # of a pixel
_TOLERANCE = 0.05  # share of the frames showing a place whose mattes may say that nothing is there
_SEEN = 0.5  # share of the frames that have to show it
_CELL = 2  # pixels: one point for each cell of a frame


def hull_points(space: HeadSpace, frames: Batch, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to `count` points (n, 3), FLAME canonical, spread evenly over what mattes show and the head does not cover."""
    if not count:
        return np.zeros((0, 3), np.float32)
    points, nearest, distance = _around(space, rng)
    means2d, head = np.asarray(_project(space, points, nearest, frames)), np.asarray(_head(space, frames))
    inside, foreground = _looked_up(means2d, np.asarray(frames.matte) > 255 * _FOREGROUND)
    kept = ~_contradicted(inside, foreground) & (inside.mean(axis=0) >= _SEEN)
    chosen = np.zeros(len(points), bool)
    for frame, is_open in enumerate(inside & foreground & ~_looked_up(means2d, head > 1.0 - _FOREGROUND)[1]):
        rows = np.flatnonzero(kept & is_open)
        chosen[_nearest_of_each_cell(means2d[frame, rows], distance[rows], rows)] = True
    return _spread(points[chosen], count)


def contradicted(space: HeadSpace, points: np.ndarray, nearest: np.ndarray, frames: Batch) -> np.ndarray:
    """(N,) bool: points (N, 3), FLAME canonical, that too many mattes show as background.

    They move as their `nearest` (N,) vertices do.
    """
    means2d = _project(space, jnp.asarray(points), jnp.asarray(nearest), frames)
    return _contradicted(*_looked_up(np.asarray(means2d), np.asarray(frames.matte) > 255 * _FOREGROUND))


def _contradicted(inside: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    return np.sum(inside & ~foreground, axis=0) > _TOLERANCE * np.sum(inside, axis=0)


def _around(space: HeadSpace, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random points (N, 3) around the head, outside its skin; the nearest vertex (N,) of each and how far it is."""
    vertices, normals = np.asarray(space.vertices_fc), np.asarray(space.normals_fc)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    points = rng.uniform(low - _BOX[0] * (high - low), high + _BOX[1] * (high - low), (_CANDIDATES, 3))
    outer = np.flatnonzero(np.asarray(space.parts) == 0)
    distance, found = scipy.spatial.cKDTree(vertices[outer]).query(points)
    nearest = outer[found]
    outside = np.sum((points - vertices[nearest]) * normals[nearest], axis=1) > _OUTSIDE
    return points[outside].astype(np.float32), nearest[outside], distance[outside]


@jax.jit
def _project(space: HeadSpace, points: jax.Array, nearest: jax.Array, frames: Batch) -> jax.Array:
    """Pixels (F, N, 2) of points (N, 3) that move as their nearest vertices do."""
    weights = space.lbs_weights[nearest]
    rest = unpose(points, weights, space.T_fc_rest)

    def one(frame: Batch) -> jax.Array:
        motion = frame_motion(space, frame.params)
        moved = rest + (motion.shape_offset + motion.blend_offset)[nearest]
        return frame.cameras.project(skin(moved, weights, motion.T_d_rest))[0]

    return jax.lax.map(one, jax.tree.map(jnp.asarray, frames))


@jax.jit
def _head(space: HeadSpace, frames: Batch) -> jax.Array:
    """How much of each pixel (F, H, W) the head model covers."""
    faces = jnp.asarray(space.head.faces)

    def one(frame: Batch) -> jax.Array:
        vertices = lbs.vertices(space.head, frame.betas, frame.expression, frame.pose)
        return splat_triangles(vertices, faces, jnp.ones((len(faces), 1)), frame.cameras).alpha

    return jax.lax.map(one, jax.tree.map(jnp.asarray, frames))


def _looked_up(means2d: np.ndarray, *pictures: np.ndarray) -> tuple[np.ndarray, ...]:
    """(F, N) bool: the point is in the picture; then what each picture (F, H, W) says there, False outside."""
    height, width = pictures[0].shape[1:]
    column, row = (np.floor(means2d[..., k]).astype(int) for k in (0, 1))
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    frame = np.arange(len(means2d))[:, None]
    row, column = np.where(inside, row, 0), np.where(inside, column, 0)
    return inside, *(picture[frame, row, column] & inside for picture in pictures)


def _nearest_of_each_cell(means2d: np.ndarray, distance: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of `rows` (n,), for each cell of the picture, the one with the smallest distance."""
    order = np.argsort(distance)
    cells = np.floor(means2d[order] / _CELL).astype(int)
    _, first = np.unique(cells, axis=0, return_index=True)
    return rows[order[first]]


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` of the points, each the farthest from those before it."""
    if len(points) <= count:
        return points
    return points[farthest_first(points, 1.0, count)]
