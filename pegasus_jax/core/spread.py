"""How points are spread: some of many, evenly; and which are no specks."""

import numpy as np
import scipy.spatial

_COMPANY = 4  # neighbours that a point has beside it
_ALONE = 8.0  # times as far away from them as usual: a speck; sparse fringes have four times


def in_company(points: np.ndarray) -> np.ndarray:
    """Which of points (N, 3) have others of them beside them, as most have: (N,) bool."""
    if len(points) <= _COMPANY:
        return np.ones(len(points), bool)
    distance = scipy.spatial.cKDTree(points).query(points, k=_COMPANY + 1)[0][:, -1]
    return distance < _ALONE * np.median(distance)


def farthest_first(points: np.ndarray, density: np.ndarray | float, count: int) -> np.ndarray:
    """Rows (count,) of points (n, 3): each the farthest from those before it, for its density (n,) or that of all."""
    rows = np.zeros(min(count, len(points)), np.int64)
    square = np.full(len(points), np.inf)
    for index in range(1, len(rows)):
        square = np.minimum(square, density * np.sum((points - points[rows[index - 1]]) ** 2, axis=1))
        rows[index] = np.argmax(square)
    return rows
