"""Normals of a mesh."""

import jax
import jax.numpy as jnp


def vertex_normals(vertices: jax.Array, faces: jax.Array) -> jax.Array:
    """Unit normals (V, 3) of vertices (V, 3), area-weighted over the triangles (F, 3) around each vertex."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = jnp.cross(b - a, c - a)
    summed = jnp.zeros_like(vertices)
    for corner in range(3):
        summed = summed.at[faces[:, corner]].add(normals)
    return summed / (jnp.linalg.norm(summed, axis=1, keepdims=True) + 1e-12)
