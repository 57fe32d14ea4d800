"""Landmarks of the open head: points on triangles, from points on ICT's own vertices."""

import json

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.flame.ict.table import Table


def landmark_vertices(table: Table, vertex_indices: bytes, *, source: str) -> np.ndarray:
    """The 68 iBUG landmarks as kept vertices (68,), from `vertex_indices.json`.

    Raises:
      UserError: the file is not that list, or names a vertex that is not kept.
    """
    try:
        landmarks = np.array(json.loads(vertex_indices)["idx_to_landmark_verts"], np.int64)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{source} is not ICT-FaceKit's list of vertices ({error}); fetch it again.") from error
    if landmarks.shape != (68,) or not np.isin(landmarks, table.source_vertex).all():
        raise UserError(f"{source} does not name 68 landmarks of the face; fetch it again.")
    return np.searchsorted(table.source_vertex, landmarks)


def at_vertices(triangles: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embedding, faces (L,) and barycentrics (L, 3), of kept `vertices` (L,): each in the first triangle it is in."""
    faces = np.array([np.flatnonzero((triangles == vertex).any(axis=1))[0] for vertex in vertices])
    return faces, (triangles[faces] == vertices[:, None]).astype(np.float64)


def face_mesh(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Embedding, faces (478,) and barycentrics (478, 3), of MediaPipe's points, irises last."""
    row = {tuple(corners): face for face, corners in enumerate(table.source_vertex[table.triangles].tolist())}
    return np.array([row[tuple(corners)] for corners in table.mediapipe_triangle.tolist()]), table.mediapipe_bary
