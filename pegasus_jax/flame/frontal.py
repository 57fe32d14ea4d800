"""Points of a mesh as seen from the front: along z, the nearest surface wins."""

import numpy as np


def front_triangle(corners: np.ndarray, triangles: np.ndarray, xy: np.ndarray) -> tuple[int, np.ndarray]:
    """The foremost triangle behind `xy` and its barycentrics there; the nearest one if none is hit."""
    a, b, c = (corners[:, i, :2] for i in range(3))
    area = _cross(b - a, c - a)
    safe = np.where(np.abs(area) < 1e-15, np.inf, area)
    bary = np.stack([_cross(b - xy, c - xy), _cross(c - xy, a - xy), _cross(a - xy, b - xy)], -1) / safe[:, None]
    depth = (bary * corners[:, :, 2]).sum(-1)
    inside = (bary.min(-1) >= -1e-6) & np.isfinite(safe)
    if inside.any():
        best = int(np.flatnonzero(inside)[depth[inside].argmax()])
        return int(triangles[best]), bary[best]
    middle = corners.mean(1)
    best = int((np.linalg.norm(middle[:, :2] - xy, axis=-1) - middle[:, 2]).argmin())
    return int(triangles[best]), np.full(3, 1.0 / 3.0)


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
