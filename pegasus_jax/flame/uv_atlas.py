"""The head's surface as one square picture: which place of the mesh each texel shows, and back.

Texture coordinates (u, v) lie in [0, 1]; u points right, v up. A texel (row, column) of a square of S has its centre at
u = (column + 0.5) / S, v = 1 - (row + 0.5) / S: pictures begin at the top.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import Embedding, HeadModel, TextureLayout

_EMPTY = -1
_ROUNDING = 1e-9  # texel centres on an edge belong to one of its triangles, whatever the rounding
_CHUNK = 1 << 22  # (triangle, texel) pairs looked at together


@dataclasses.dataclass(frozen=True)
class Atlas:
    """Places on the mesh for S x S texels."""

    faces_idx: np.ndarray  # (S, S) int32: row of `HeadModel.faces`, -1 where there is no surface
    bary: np.ndarray  # (S, S, 3) float32: barycentric coordinates, zero where there is no surface

    @property
    def is_surface(self) -> np.ndarray:
        """(S, S) bool."""
        return self.faces_idx != _EMPTY

    def places(self) -> Embedding:
        """The texels with a surface, row by row, as points on the mesh."""
        return Embedding(self.faces_idx[self.is_surface], self.bary[self.is_surface])


def rasterise(layout: TextureLayout, *, size: int, margin: int = 0) -> Atlas:
    """Returns the atlas of `size` x `size` texels; where charts overlap, the first triangle is taken.

    Args:
      layout: the head's.
      size: texels along a side.
      margin: texels around each chart that repeat their nearest place on it, so that pictures can be read between
        texels up to a seam.
    """
    corners = np.asarray(layout.vertices, np.float64)[np.asarray(layout.triangles)]
    corners = np.stack([corners[..., 0], 1.0 - corners[..., 1]], axis=-1) * size - 0.5  # in texels, centres whole
    low = np.clip(np.ceil(corners.min(axis=1)), 0, size).astype(np.int64)
    high = np.clip(np.floor(corners.max(axis=1)), -1, size - 1).astype(np.int64)
    extent = np.maximum(high - low + 1, 0)
    count = extent.prod(axis=1)
    faces_idx, bary = np.full(size * size, _EMPTY, np.int32), np.zeros((size * size, 3))
    ends = np.searchsorted(np.cumsum(count), np.arange(_CHUNK, count.sum() + _CHUNK, _CHUNK), side="right")
    begin = len(count)
    for end in [*ends.tolist()[::-1], 0]:  # backwards: what is written last, the first triangle, stays
        rows = np.arange(end, begin)
        _fill(faces_idx, bary, rows, corners[rows], low[rows], extent[rows], size)
        begin = end
    atlas = Atlas(faces_idx.reshape(size, size), bary.reshape(size, size, 3).astype(np.float32))
    return _widened(atlas, margin) if margin else atlas


def texture_coordinates(layout: TextureLayout, places: Embedding) -> np.ndarray:
    """Returns (u, v) of places on the mesh, (*, 2)."""
    corners = np.asarray(layout.vertices)[np.asarray(layout.triangles)[places.faces_idx]]
    return np.einsum("...k,...kc->...c", places.bary, corners).astype(np.float32)


def look_up(texture: jax.Array, coordinates: jax.Array) -> jax.Array:
    """Returns a texture (S, S, C) at (u, v) (*, 2), read between texels; differentiable in the texture.

    Give charts a margin first (`rasterise`), or the empty texels beyond a seam mix in.
    """
    size = texture.shape[0]
    coordinates = jnp.asarray(coordinates)
    where = jnp.stack([1.0 - coordinates[..., 1], coordinates[..., 0]]) * size - 0.5
    channels = [
        jax.scipy.ndimage.map_coordinates(texture[..., channel], list(where), order=1, mode="nearest")
        for channel in range(texture.shape[2])
    ]
    return jnp.stack(channels, axis=-1)


def layout_of(head: HeadModel) -> TextureLayout:
    """Returns the head's texture layout.

    Raises:
      UserError: it has none.
    """
    if head.uv is None:
        raise UserError(
            f"the head {head.name!r} has no texture layout: build the open head anew (assets --head=ict), or put "
            "FLAME's head_template_mesh.obj or FLAME_texture.npz beside its .pkl."
        )
    return head.uv


def _fill(
    faces_idx: np.ndarray,
    bary: np.ndarray,
    rows: np.ndarray,
    corners: np.ndarray,
    low: np.ndarray,
    extent: np.ndarray,
    size: int,
) -> None:
    """Writes triangles `rows` (n,) with corners (n, 3, 2) into the flat atlas, the first last."""
    count = extent.prod(axis=1)
    triangle = np.repeat(np.arange(len(rows)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(number, extent[triangle, 0])
    texel = low[triangle] + np.stack([column, row], axis=-1)
    a, b, c = np.moveaxis(corners[triangle], 1, 0)
    doubled = _cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.stack([_cross(b - texel, c - texel), _cross(c - texel, a - texel)], axis=-1) / doubled[:, None]
    shares = np.concatenate([shares, 1.0 - shares.sum(axis=1, keepdims=True)], axis=1)
    inside = np.flatnonzero((shares >= -_ROUNDING).all(axis=1))[::-1]  # NaN, of a triangle without area, is not
    flat = texel[inside, 1] * size + texel[inside, 0]
    faces_idx[flat] = rows[triangle[inside]]
    bary[flat] = np.clip(shares[inside], 0.0, 1.0)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _widened(atlas: Atlas, margin: int) -> Atlas:
    distance, nearest = scipy.ndimage.distance_transform_edt(~atlas.is_surface, return_indices=True)
    row, column = nearest
    near = distance <= margin
    faces_idx = np.where(near, atlas.faces_idx[row, column], _EMPTY).astype(np.int32)
    return Atlas(faces_idx, np.where(near[..., None], atlas.bary[row, column], 0.0).astype(np.float32))
