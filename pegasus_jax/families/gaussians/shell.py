"""Where hair, neck and clothes start: places inside every matte, as near to the head as the mattes allow.

Laurentini (1994) calls the places that no matte contradicts the visual hull. Seen from the front alone it is far too
deep; so of the places which a pixel may show, the one nearest to the head is taken, and only for pixels that the head
model leaves open.
"""

import jax
import numpy as np
import scipy.ndimage
import scipy.spatial

from pegasus_jax.data.frames import Batch
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.binding import Binding, shaped
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import NUM_JOINTS, HeadModel

_CANDIDATES = 120_000
_BOX_BELOW, _BOX_ABOVE = np.array([0.6, 0.6, 0.3]), np.array([0.6, 0.3, 0.3])  # sizes of the head, beyond it
_OUTSIDE = 0.01  # head units above the skin
_FOREGROUND = 128  # of a matte's 255
_CONTRADICTED = 0.05  # share of the frames showing a place whose mattes may say that nothing is there
_BEFORE_HEAD = 0.1  # share of them that may have the place in front of the head: hair beside a face is not before it
_SEEN = 0.5  # share of the frames that have to show it
_MOUTH = ("lips", "mouth", "mouth_interior")  # regions around which nothing belongs: it would hang in an open mouth


def around_head(
    head: HeadModel, betas: np.ndarray, frames: Batch, count: int, *, on_head: Binding, seed: int
) -> Binding:
    """Returns up to `count` places off the surface, spread evenly over what mattes show and the head does not cover.

    Args:
      head: the head model.
      betas: (100,) the person's shape.
      frames: some frames with their mattes, in low resolution: a place is taken for each pixel.
      count: at most so many.
      on_head: places that say which pixels the head covers.
      seed: of the candidates.
    """
    vertices, faces = shaped(head, betas), np.asarray(head.faces)
    candidates, near, distance = _candidates(head, vertices, np.random.default_rng(seed))
    weights = np.asarray(head.lbs_weights)
    moved = _skinned(head, betas, frames, candidates, weights[near])
    surface = np.einsum("nk,nkc->nc", on_head.bary, vertices[faces[on_head.faces_idx]])
    surface_weights = np.einsum("nk,nkj->nj", on_head.bary, weights[faces[on_head.faces_idx]])
    head_depth = _nearest_depth(frames, _skinned(head, betas, frames, surface, surface_weights))
    inside, pixel = _pixels(frames, moved)
    foreground = inside & _looked_up(np.asarray(frames.matte) >= _FOREGROUND, pixel)
    before_head = inside & (moved[..., 2] < _looked_up(head_depth, pixel)) & np.isfinite(_looked_up(head_depth, pixel))
    contradicted = _often(inside & ~foreground, inside, _CONTRADICTED) | _often(before_head, inside, _BEFORE_HEAD)
    kept = ~contradicted & (inside.mean(axis=0) >= _SEEN)
    is_open = foreground & ~np.isfinite(_looked_up(head_depth, pixel))
    chosen = np.zeros(len(candidates), bool)
    for frame in range(len(is_open)):
        rows = np.flatnonzero(kept & is_open[frame])
        rows = rows[np.argsort(distance[rows], kind="stable")]
        chosen[rows[np.unique(pixel[frame, rows], return_index=True)[1]]] = True
    rows = np.flatnonzero(chosen)
    rows = rows[thinned(candidates[rows], count)]
    return _bound(faces, vertices, candidates[rows], near[rows])


def thinned(points: np.ndarray, count: int) -> np.ndarray:
    """Returns rows of at most `count` of the points (n, 3): the first of each cell of the finest grid with so few."""
    if len(points) <= count:
        return np.arange(len(points))
    fine, coarse = 0.0, float(np.ptp(points, axis=0).max()) + 1e-6
    for _ in range(30):
        middle = 0.5 * (fine + coarse)
        few = len(_first_of_each_cell(points, middle)) <= count
        fine, coarse = (fine, middle) if few else (middle, coarse)
    return _first_of_each_cell(points, coarse)


def _first_of_each_cell(points: np.ndarray, cell: float) -> np.ndarray:
    cells = np.floor((points - points.min(axis=0)) / cell).astype(np.int64)
    return np.unique(cells, axis=0, return_index=True)[1]


def _candidates(
    head: HeadModel, vertices: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random places (n, 3) around the head at rest, outside its skin and not at its mouth.

    Also the nearest vertex of each, and how far it is.
    """
    faces = np.asarray(head.faces)
    inner = np.isin(parts.triangle_parts(head), parts.INSIDE)
    outer = np.setdiff1d(np.unique(faces[~inner]), np.unique(faces[inner]))
    size, low, high = np.ptp(vertices, axis=0), vertices.min(axis=0), vertices.max(axis=0)
    points = rng.uniform(low - _BOX_BELOW * size, high + _BOX_ABOVE * size, (_CANDIDATES, 3))
    distance, found = scipy.spatial.cKDTree(vertices[outer]).query(points)
    near = outer[found]
    outside = np.sum((points - vertices[near]) * _vertex_normals(vertices, faces)[near], axis=1) > _OUTSIDE
    outside &= ~parts.any_region(head, _MOUTH)[near]
    return points[outside], near[outside], distance[outside]


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


_joint_transforms = jax.jit(jax.vmap(lbs.joint_transforms, (None, None, 0, 0)))


def _skinned(head: HeadModel, betas, frames: Batch, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Places (F, n, 3), camera axes, of points (n, 3) at rest with skinning weights (n, 5)."""
    moved = np.empty((len(frames.frame), len(points), 3), np.float32)
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1).astype(np.float32)
    all_transforms = np.asarray(_joint_transforms(head, betas, frames.expression, frames.pose))
    for row, T_camera_world in enumerate(np.asarray(frames.T_camera_world)):
        transforms = all_transforms[row]
        transforms = T_camera_world[:, :3] @ transforms[:, :3] + T_camera_world[:, 3:] * [0.0, 0.0, 0.0, 1.0]
        for joint in range(NUM_JOINTS):
            share = (homogeneous @ transforms[joint].T.astype(np.float32)) * weights[:, joint : joint + 1]
            moved[row] = share if joint == 0 else moved[row] + share
    return moved


def _pixels(frames: Batch, points_camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, n): whether a point is in the picture, and the pixel it falls on, as a flat index (0 outside)."""
    height, width = frames.matte.shape[1:]
    intrinsics = np.asarray(frames.intrinsics)[:, None]
    depths = points_camera[..., 2]
    means2d = points_camera[..., :2] / np.maximum(depths, 1e-6)[..., None] * intrinsics[..., :2] + intrinsics[..., 2:]
    column, row = (np.floor(means2d[..., k]).astype(int) for k in (0, 1))
    inside = (depths > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return inside, np.where(inside, row * width + column, 0)


def _looked_up(pictures: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """What pictures (F, H, W) hold at the pixels (F, n)."""
    return np.take_along_axis(pictures.reshape(len(pictures), -1), pixel, axis=1)


def _often(events: np.ndarray, of: np.ndarray, share: float) -> np.ndarray:
    """(n,) bool: events (F, n) make up more than a share of others (F, n)."""
    return np.sum(events, axis=0) > share * np.sum(of, axis=0)


def _nearest_depth(frames: Batch, points_camera: np.ndarray) -> np.ndarray:
    """(F, H, W) the depth of the nearest of the points around each pixel; infinite where there is none."""
    depths = np.full(frames.matte.shape, np.inf, np.float32)
    inside, pixel = _pixels(frames, points_camera)
    for row, flat in enumerate(depths.reshape(len(depths), -1)):
        np.minimum.at(flat, pixel[row, inside[row]], points_camera[row, inside[row], 2])
    # One pixel more on each side fills the gaps between points, and one less takes the outline back.
    grown = scipy.ndimage.minimum_filter(depths, size=(1, 3, 3))
    return np.where(np.isfinite(scipy.ndimage.maximum_filter(grown, size=(1, 3, 3))), grown, np.inf)


def _bound(faces: np.ndarray, vertices: np.ndarray, points: np.ndarray, near: np.ndarray) -> Binding:
    """Points (n, 3) bound to a corner of a triangle each: that of their nearest vertex."""
    order = np.argsort(faces, axis=None, kind="stable")
    first = np.searchsorted(faces.reshape(-1)[order], near)
    triangle, corner = np.divmod(order[first], 3)
    return Binding(
        faces_idx=triangle.astype(np.int32),
        bary=np.eye(3, dtype=np.float32)[corner],
        offset=(points - vertices[near]).astype(np.float32),
        part=np.full(len(points), parts.SHELL, np.int32),
    )
