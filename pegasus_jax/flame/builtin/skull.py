"""The bare head: a surface lofted between three profiles (front, side, back) from the crown to the neck's cut.

A point is `(phi, t)`: `phi` runs around from the front midline (0) over the left side (pi/2) to the back (pi), `t`
counts the rows of `_ROWS` downwards. Only the left half exists here; the mesh is mirrored later.
"""

import functools

import numpy as np
from scipy.interpolate import PchipInterpolator

# Each row: front (y, z); side half-width x, y, z; back (y, z); roundness (1: ellipse, more: pointed front).
_ROWS = np.array(
    [
        (139, -20, 0, 139, -20, 139, -20, 1.00),  # crown
        (137, 0, 20, 136.6, -21, 136.4, -41, 1.00),
        (131, 18, 40, 129, -22, 128, -62, 0.97),
        (116, 45, 62, 111, -24, 110, -92, 0.94),
        (95, 65, 73.5, 90, -24, 86, -108, 0.90),  # forehead
        (70, 74, 78, 70, -24, 62, -115, 0.86),
        (48, 78, 78, 48, -24, 36, -116, 0.86),  # brow
        (30, 77, 76, 30, -24, 18, -114, 0.88),  # eyes
        (6, 78, 73, 8, -20, -4, -106, 0.90),  # cheeks
        (-18, 81, 69, -12, -16, -26, -96, 0.92),  # under the nose
        (-40, 82, 65, -29, -14, -44, -90, 0.95),  # mouth
        (-56, 79, 62, -42, -16, -56, -88, 1.02),
        (-70, 78, 59, -53, -20, -66, -87, 1.10),  # chin
        (-81, 70, 56, -62, -26, -76, -87, 1.14),
        (-86, 54, 54, -70, -32, -84, -88, 1.10),  # under the chin
        (-89, 32, 54, -80, -37, -92, -89, 1.00),
        (-96, 18, 55, -94, -40, -101, -91, 0.96),  # neck
        (-114, 10, 60, -113, -43, -114, -94, 0.96),
        (-132, 10, 68, -131, -44, -130, -98, 0.96),  # cut
    ],
    np.float64,
)
LAST_ROW = len(_ROWS) - 1
BROW_ROW, NOSE_ROW, CHIN_ROW = 6, 9, 13  # rows whose front lies there
_BACK_ROUNDNESS = 0.9


@functools.cache
def _profiles() -> PchipInterpolator:
    return PchipInterpolator(np.arange(len(_ROWS)), _ROWS, axis=0)


def surface(phi: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points (*, 3) of the bare head; `phi` (*) radians in [0, pi], `t` (*) rows in [0, LAST_ROW]."""
    front_y, front_z, side_x, side_y, side_z, back_y, back_z, roundness = np.moveaxis(_profiles()(t), -1, 0)
    in_front = np.cos(phi) >= 0
    power = np.where(in_front, roundness, _BACK_ROUNDNESS)
    along = np.abs(np.cos(phi)) ** power  # 1 on the midline, 0 at the side
    end_y, end_z = np.where(in_front, front_y, back_y), np.where(in_front, front_z, back_z)
    x = side_x * np.sin(phi) ** power
    return np.stack([x, side_y + (end_y - side_y) * along, side_z + (end_z - side_z) * along], axis=-1)


def rows_to_arc(t: np.ndarray) -> np.ndarray:
    """Millimetres along the front profile from the crown to row `t`: a metric downward coordinate."""
    fine = np.linspace(0, LAST_ROW, 400)
    front = _profiles()(fine)[:, :2]
    steps = np.linalg.norm(np.diff(front, axis=0), axis=1)
    return np.interp(t, fine, np.concatenate([[0.0], np.cumsum(steps)]))


def arc_to_rows(arc: np.ndarray) -> np.ndarray:
    """The inverse of `rows_to_arc`."""
    fine = np.linspace(0, LAST_ROW, 400)
    return np.interp(arc, rows_to_arc(fine), fine)


def locate(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(`phi`, `t`) of the face points that project to `xy` (N, 2), x >= 0, by Newton's method."""
    x, y = xy[:, 0], xy[:, 1]
    phi = np.clip(x / 75.0, 0, 1.2)
    t = np.interp(-y, -_ROWS[:CHIN_ROW, 0], np.arange(CHIN_ROW))
    h = 1e-4
    for _ in range(12):
        here = surface(phi, t)[:, :2]
        by_phi = (surface(phi + h, t)[:, :2] - here) / h
        by_t = (surface(phi, t + h)[:, :2] - here) / h
        jacobian = np.stack([by_phi, by_t], axis=-1)
        step = np.linalg.solve(jacobian, (xy - here)[..., None])[..., 0]
        phi = np.clip(phi + np.clip(step[:, 0], -0.2, 0.2), 0, 1.4)
        t = np.clip(t + np.clip(step[:, 1], -0.5, 0.5), 1, CHIN_ROW - 0.5)
    return np.where(x < 1e-9, 0.0, phi), t
