"""The face's outline as it moves with the view: FLAME's 79 rows of 17 points, one row for each degree of yaw.

Each point slides on a path over the cheek, from the middle of the face to where ICT's jaw landmark is; a row holds
the place on the path that lies farthest out in the picture. Rows 0…39 are for 0…39 degrees, 40…78 for -1…-39.
"""

import numpy as np

_YAW_DEGREES = np.array([*range(40), *range(-1, -40, -1)])
_STEPS = 48  # places on a path
_DEPTH = -0.01  # metres: paths are seen from the axis at this z, well inside the head
_FIRST, _LAST = 0.25, 0.999  # of a path: its start, next to nose and mouth, is never the outline; its end is a corner
_ROUNDING = 1e-15  # cubic metres: a ray along an edge meets one of its triangles, whatever the rounding


def contour_rows(
    vertices: np.ndarray, triangles: np.ndarray, faces: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Embedding of the outline: triangles (79, 17) and barycentrics (79, 17, 3).

    Args:
      vertices: (V, 3) of the template.
      triangles: (F, 3).
      faces: the rows of `triangles` that are the face's skin.
      landmarks: (17,) vertices of the jaw line, from the right ear over the chin to the left ear.
    """
    rows = [_sliding_point(vertices, triangles, faces, vertices[landmark]) for landmark in landmarks]
    on_path, bary = (np.stack(arrays, axis=1) for arrays in zip(*rows))
    return on_path, bary


def _sliding_point(
    vertices: np.ndarray, triangles: np.ndarray, faces: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where the point whose path leads to `end` is in each row: triangles (79,) and barycentrics (79, 3)."""
    origin = np.array([0.0, end[1], _DEPTH])
    forwards = np.array([0.0, 0.0, np.linalg.norm(end - origin)])
    share = np.linspace(_FIRST, _LAST, _STEPS)[:, None]
    met, bary = _outermost(vertices[triangles[faces]] - origin, (1 - share) * forwards + share * (end - origin))
    places = np.einsum("skc,sk->sc", vertices[triangles[faces[met]]], bary)
    yaw = np.deg2rad(_YAW_DEGREES)[:, None]
    picture = np.stack([np.cos(yaw) * places[:, 0] + np.sin(yaw) * places[:, 2], 0 * yaw + places[:, 1]], axis=-1)
    farthest = (picture @ end[:2]).argmax(axis=1)
    return faces[met[farthest]], bary[farthest]


def _outermost(corners: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last of the triangles (F, 3, 3) that each ray (S, 3) from the origin meets, and barycentrics (S, 3) there.

    A ray that meets none gets what the one before it got.
    """
    a, b, c = np.moveaxis(corners, 1, 0)
    volumes = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)]) @ directions.T  # (3, F, S)
    total = volumes.sum(axis=0)
    meets = (volumes >= -_ROUNDING).all(axis=0) & (total > _ROUNDING)
    distance = np.sum(a * np.cross(b, c), axis=1)[:, None] / np.where(meets, total, np.inf)
    met, ray = np.where(meets, distance, -np.inf).argmax(axis=0), np.arange(len(directions))
    last = np.maximum.accumulate(np.where(meets.any(axis=0), ray, 0))
    met, ray = met[last], ray[last]
    bary = np.maximum(volumes[:, met, ray].T, 0.0)
    return met, bary / bary.sum(axis=1, keepdims=True)
