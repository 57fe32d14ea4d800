"""How far the hair stands off the scalp: where the outline of the head runs, by mattes, when a vertex is on its rim."""

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.colour_term import sample
from pegasus_jax.capture.track import Track, pose_of, project
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.flame.normals import vertex_normals

RIM = 0.3  # cosine to the view up to which a vertex counts as on the rim
_OFFSETS = np.arange(0.0, 0.5, 0.01)  # head units
_LEAST_FRAMES = 2.0  # a vertex that was on the rim for less is not known
_SMOOTHING_ROUNDS = 60
_FRAMES_AT_ONCE = 4


def hair_shell(head: HeadModel, track: Track, mattes: np.ndarray) -> np.ndarray:
    """Distances (V,) in head units from each vertex to the hair's surface; zero off the scalp.

    `mattes` (F, S, S) in [0, 1]. Vertices that were never on the rim take the mean of their neighbours.
    """
    scalp = np.asarray(head.regions.get("scalp", np.zeros(head.num_vertices, bool)))
    if not scalp.any():
        return np.zeros(head.num_vertices, np.float32)
    rows, shared = jnp.asarray(track.frames, jnp.float32), jnp.asarray(track.shared, jnp.float32)
    ids = np.flatnonzero(scalp)
    seen, inside = map(np.asarray, _on_rim(rows, shared, jnp.asarray(mattes), jax.tree.map(jnp.asarray, head), ids))
    share = inside / np.maximum(seen, 1e-6)[None]
    outside = share < 0.5
    found = np.where(outside.any(axis=0), _OFFSETS[outside.argmax(axis=0)], np.nan)
    offsets = np.zeros(head.num_vertices)
    offsets[ids] = np.where(seen >= _LEAST_FRAMES, found, np.nan)
    return _filled(offsets, scalp, np.asarray(head.faces)).astype(np.float32)


@jax.jit
def _on_rim(rows, shared, mattes, head, ids):
    """Frames on the rim (P,), and the mattes' sum at every offset in those frames (offsets, P)."""
    side = mattes.shape[1]

    def frame(args):
        row, matte = args
        vertices = lbs.vertices(head, shared[columns.BETAS], row[columns.EXPRESSION], pose_of(row))
        normals = vertex_normals(vertices, head.faces)[ids]
        weight = jnp.clip(1.0 - jnp.abs(facing(vertices[ids], normals, row, shared)) / RIM, 0.0, 1.0)

        def at(offset):
            picture = project(vertices[ids] + offset * normals, row, shared) * side
            return weight * sample(matte[..., None], picture)[0][:, 0]

        return weight, jax.lax.map(at, jnp.asarray(_OFFSETS, jnp.float32))

    weights, inside = jax.lax.map(frame, (rows, mattes), batch_size=_FRAMES_AT_ONCE)
    return weights.sum(axis=0), inside.sum(axis=0)


def facing(points: jax.Array, normals: jax.Array, row: jax.Array, shared: jax.Array) -> jax.Array:
    """Cosine (P,) between each posed point's normal and the direction to the camera."""
    x, y, distance = row[columns.PLACEMENT]
    to_camera = jnp.stack([-x, -y, distance * jnp.exp(shared[columns.LOG_FOCAL])])[None] - points
    return jnp.sum(normals * to_camera, axis=1) / jnp.linalg.norm(to_camera, axis=1)


def _filled(offsets: np.ndarray, scalp: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Smoothed over the mesh, with NaN filled in; vertices off the scalp stay at zero and do not pull."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[scalp[edges].all(axis=1)]
    edges = np.concatenate([edges, edges[:, ::-1]])
    known = np.isfinite(offsets) & scalp
    if not known.any():
        return np.zeros(len(offsets))
    values = np.where(known, offsets, np.mean(offsets[known]))
    measured = values.copy()
    degree = np.maximum(np.bincount(edges[:, 0], minlength=len(values)), 1)
    for _ in range(_SMOOTHING_ROUNDS):
        mean = np.bincount(edges[:, 0], values[edges[:, 1]], len(values)) / degree
        values = np.where(known, 0.5 * (measured + mean), mean)
    return np.where(scalp, values, 0.0)
