"""The face's outline as it moves with the view: FLAME's 79 rows of 17 points, one row for each degree of yaw.

Each point slides on a path over the cheek, from the middle of the face to where ICT's jaw landmark is; a row holds
the place on the path that lies farthest out in the picture. Rows 0…39 are for 0…39 degrees, 40…78 for -1…-39.
"""

import numpy as np

_YAW_DEGREES = np.array([*range(40), *range(-1, -40, -1)])
_STEPS = 48  # places on a path
_DEPTH = -0.01  # metres: paths are seen from the axis at this z, well inside the head
_FRONT = 0.25  # part of a path, next to the nose and the mouth, that is never the outline


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
    ends = vertices[landmarks]
    origins = np.column_stack([np.zeros(len(ends)), ends[:, 1], np.full(len(ends), _DEPTH)])
    share = np.linspace(_FRONT, 1.0, _STEPS)[None, :, None]
    forwards = np.array([0.0, 0.0, 1.0])
    towards = (1 - share) * forwards * np.linalg.norm(ends - origins, axis=1)[:, None, None] + share * (
        ends - origins
    )[:, None]
    hit, bary = _outermost(vertices[triangles[faces]], np.repeat(origins, _STEPS, axis=0), towards.reshape(-1, 3))
    hit, bary = faces[hit].reshape(len(ends), _STEPS), bary.reshape(len(ends), _STEPS, 3)
    places = np.einsum("lskc,lsk->lsc", vertices[triangles[hit]], bary)
    outwards = _outwards(ends)
    yaw = np.deg2rad(_YAW_DEGREES)
    picture_x = np.cos(yaw)[:, None, None] * places[..., 0] + np.sin(yaw)[:, None, None] * places[..., 2]
    reach = picture_x * outwards[:, None, 0] + places[..., 1] * outwards[:, None, 1]
    farthest = reach.argmax(axis=2)
    point = np.arange(len(ends))
    return hit[point, farthest], bary[point, farthest]


def _outwards(ends: np.ndarray) -> np.ndarray:
    """The direction (17, 2) in the picture in which each point looks for the outline."""
    return ends[:, :2] / np.linalg.norm(ends[:, :2], axis=1, keepdims=True)


def _outermost(corners: np.ndarray, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last of the triangles (F, 3, 3) that each ray (R, 3) meets, and the barycentrics (R, 3) there."""
    hit, bary = np.zeros(len(origins), np.int64), np.zeros((len(origins), 3))
    for ray, (origin, direction) in enumerate(zip(origins, directions)):
        a, b, c = np.moveaxis(corners - origin, 1, 0)
        volumes = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)]) @ direction  # (3, F)
        total = volumes.sum(axis=0)
        distance = np.einsum("fc,fc->f", a, np.cross(b, c)) / np.where(total == 0, np.inf, total)
        meets = (volumes >= 0).all(axis=0) & (total > 0)
        hit[ray] = np.where(meets, distance, -np.inf).argmax()
        bary[ray] = volumes[:, hit[ray]] / total[hit[ray]]
    return hit, bary
