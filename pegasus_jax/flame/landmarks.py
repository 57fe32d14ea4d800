"""Landmarks as points on the posed mesh.

The outline of a face is where it turns away from the camera, so FLAME stores one row of 17 contour points per
degree of yaw: rows 0..39 for 0..39 degrees, rows 40..78 for -1..-39 degrees.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pegasus_jax.flame.lbs import rodrigues
from pegasus_jax.flame.model import GLOBAL, NECK, Embedding, HeadModel

NUM_CONTOUR = 17
_MAX_YAW_DEGREES = 39


def embedded_points(vertices: ArrayLike, faces: ArrayLike, embedding: Embedding) -> jax.Array:
    """Points (*, 3) that an embedding of shape (*) names on a mesh of `vertices` (V, 3), `faces` (F, 3)."""
    return _on_triangles(vertices, faces, jnp.asarray(embedding.faces_idx), jnp.asarray(embedding.bary))


def contour_row(pose: jax.Array) -> jax.Array:
    """The contour row (int32 scalar) for `pose` (15,): by the head's yaw in whole degrees."""
    rotation = rodrigues(pose[GLOBAL]) @ rodrigues(pose[NECK])
    yaw = jnp.arctan2(-rotation[2, 0], jnp.hypot(rotation[0, 0], rotation[1, 0]))
    degrees = jnp.round(jnp.rad2deg(jax.lax.stop_gradient(yaw))).astype(jnp.int32)
    degrees = jnp.clip(degrees, -_MAX_YAW_DEGREES, _MAX_YAW_DEGREES)
    return jnp.where(degrees >= 0, degrees, _MAX_YAW_DEGREES - degrees)


def landmarks68(head: HeadModel, vertices: ArrayLike, pose: ArrayLike) -> jax.Array:
    """The 68 iBUG landmarks (68, 3) of posed `vertices` (V, 3): 17 contour points, then 51 inner ones.

    The contour follows the view (`pose` (15,) seen from +z) where the head has rows for it, else it is static.
    """
    static = embedded_points(vertices, head.faces, head.lmk68)
    if head.contour is None:
        return static
    row = contour_row(jnp.asarray(pose))
    triangles, bary = jnp.asarray(head.contour.faces_idx)[row], jnp.asarray(head.contour.bary)[row]
    return jnp.concatenate([_on_triangles(vertices, head.faces, triangles, bary), static[NUM_CONTOUR:]])


def _on_triangles(vertices: ArrayLike, faces: ArrayLike, triangles: jax.Array, bary: jax.Array) -> jax.Array:
    corners = jnp.asarray(vertices)[jnp.asarray(faces)[triangles]]
    return jnp.sum(corners * bary[..., None], axis=-2)
