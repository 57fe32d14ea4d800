"""Normals and areas of a mesh."""

import jax
import jax.numpy as jnp
import numpy as np


def vertex_normals(vertices: jax.Array, faces: jax.Array) -> jax.Array:
    """Unit normals (V, 3) of vertices (V, 3), area-weighted over the triangles (F, 3) around each vertex."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = jnp.cross(b - a, c - a)
    summed = jnp.zeros_like(vertices)
    for corner in range(3):
        summed = summed.at[faces[:, corner]].add(normals)
    return summed / (jnp.linalg.norm(summed, axis=1, keepdims=True) + 1e-12)


def triangle_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Areas (..., F) of the triangles (F, 3) of vertices (..., V, 3)."""
    corners = vertices[..., faces, :]
    sides = corners[..., 1:, :] - corners[..., :1, :]
    return 0.5 * np.linalg.norm(np.cross(sides[..., 0, :], sides[..., 1, :]), axis=-1)
