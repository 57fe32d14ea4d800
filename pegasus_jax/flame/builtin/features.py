"""Sculpting the skin: forehead, brow, nose, cheeks, lips, chin and eyelids as localised displacements."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from pegasus_jax.flame.builtin import face_plan
from pegasus_jax.flame.builtin.fields import lid_reach, smoothstep
from pegasus_jax.flame.builtin.skin_mesh import Skin

# Soft bumps on the front of the head: centre (x, y), half sizes (x, y), displacement (x, y, z); left side and mirror.
_BUMPS = (
    ((24, 47), (22, 8), (0, 0, 4.0)),  # brow ridge
    ((0, 50), (12, 9), (0, 0, 1.5)),  # glabella
    ((52, 2), (20, 15), (1.5, 0, 4.0)),  # cheekbone
    ((30, -14), (14, 14), (0, 0, -1.5)),  # beside the nose
    ((50, -34), (16, 18), (-2.0, 0, -2.5)),  # hollow of the cheek
    ((0, -71), (15, 10), (0, -1.0, 5.0)),  # chin
    ((0, -57), (16, 5), (0, 0, -3.5)),  # fold under the lower lip
    ((31, 29), (20, 16), (0, 0, -5.0)),  # eye socket
    ((11, 31), (8, 13), (0, 0, -4.0)),  # inner corner of the eye, beside the bridge
)
# The nose by rows: y, height of the ridge over the face, half width.
_NOSE_ROWS = np.array(
    [
        (46, 0.0, 8.0),
        (38, 1.0, 7.0),
        (30, 3.5, 6.5),
        (20, 9.0, 7.5),
        (8, 15.5, 9.0),
        (-2, 20.5, 10.5),
        (-8, 22.5, 11.0),
        (-13, 20.5, 11.5),
        (-18, 13.0, 11.5),
        (-22, 5.0, 11.0),
        (-27, 0.0, 10.0),
    ],
    np.float64,
)
_WING = ((12.5, -13.0), (4.8, 6.0), 7.5)  # centre, half sizes, height
_NOSTRIL = ((6.2, -20.0), (3.0, 2.4), -4.5)


def sculpt(skin: Skin) -> np.ndarray:
    """The finished template of the skin, (V, 3) mm."""
    points = skin.positions.copy()
    side = np.sign(points[:, 0])
    points[:, 0] = np.abs(points[:, 0])
    front = smoothstep(points[:, 2], 0.0, 40.0)[:, None]
    points = points + front * sum(_bump(points, *bump) for bump in _BUMPS)
    points[:, 2] += front[:, 0] * _nose(points[:, 0], points[:, 1])
    points = _lips(points, skin)
    points = _eyelids(points, skin)
    points[:, 0] *= np.where(side == 0, 1.0, side)
    return points


def _gauss(points: np.ndarray, centre: tuple, size: tuple) -> np.ndarray:
    return np.exp(-(((points[:, :2] - centre) / size) ** 2).sum(-1))


def _bump(points: np.ndarray, centre: tuple, size: tuple, displacement: tuple) -> np.ndarray:
    mirrored = _gauss(points, (-centre[0], centre[1]), size) if centre[0] else 0.0
    weight = _gauss(points, centre, size)
    sideways = (weight - mirrored) * displacement[0]
    both = weight + mirrored
    return np.stack([sideways, both * displacement[1], both * displacement[2]], axis=-1)


def _nose(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far the nose stands out at (x, y)."""
    rows = _NOSE_ROWS[::-1]
    inside = np.clip(y, rows[0, 0], rows[-1, 0])
    height, width = PchipInterpolator(rows[:, 0], rows[:, 1:])(inside).T
    ridge = height * np.exp(-((x / width) ** 2))
    points = np.stack([x, y], axis=-1)
    wing = _WING[2] * np.exp(-(((points - _WING[0]) / _WING[1]) ** 2).sum(-1))
    nostril = _NOSTRIL[2] * np.exp(-(((points - _NOSTRIL[0]) / _NOSTRIL[1]) ** 2).sum(-1))
    return ridge + wing + nostril


def _lips(points: np.ndarray, skin: Skin) -> np.ndarray:
    """Closes the slit and gives the lips their volume."""
    x, above = points[:, 0], skin.positions[:, 1] - face_plan.MOUTH_Y
    inside = np.sqrt(np.clip(1.0 - (x / (face_plan.MOUTH_HALF_WIDTH + 2.0)) ** 2, 0.0, 1.0))
    front = smoothstep(points[:, 2], 40.0, 60.0)
    slit = face_plan.SLIT * np.sqrt(np.clip(1.0 - (x / face_plan.MOUTH_HALF_WIDTH) ** 2, 0.0, 1.0))
    closing = np.where(np.abs(above) <= slit + 1e-6, above, np.sign(above) * slit)
    closed = points.copy()
    closed[:, 1] -= front * closing * np.exp(-np.clip(np.abs(above) - slit, 0.0, None) / 6.0)
    height = closed[:, 1] - face_plan.MOUTH_Y
    upper = 3.6 * np.exp(-(((height - 3.6) / 3.4) ** 2))
    lower = 4.2 * np.exp(-(((height + 4.2) / 3.8) ** 2))
    groove = -2.4 * np.exp(-((height / 1.8) ** 2))
    philtrum = -1.2 * np.exp(-((x / 3.0) ** 2) - ((height - 13.0) / 5.0) ** 2)
    closed[:, 2] += front * (inside * (upper + lower) + inside**2 * groove + philtrum)
    corner = np.exp(-(((x - 25.0) / 6.0) ** 2) - (height / 6.0) ** 2)
    closed[:, 2] -= front * 3.5 * corner
    return closed


def _eyelids(points: np.ndarray, skin: Skin) -> np.ndarray:
    """Lays the skin around the eye openings onto the sphere on which the lids slide."""
    offset = points - face_plan.EYE_CENTRE
    radius_sq = face_plan.LID_RADIUS**2 - 0.72 * offset[:, 0] ** 2 - offset[:, 1] ** 2
    on_sphere = face_plan.EYE_CENTRE[2] + np.sqrt(np.clip(radius_sq, 9.0, None))
    weight = (1.0 - smoothstep(lid_reach(points), 0.52, 1.0)) * (points[:, 2] > 0)
    laid = points.copy()
    laid[:, 2] += weight * (on_sphere - points[:, 2])
    return laid
