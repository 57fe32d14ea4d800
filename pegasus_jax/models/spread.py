"""Some of many points, evenly spread."""

import numpy as np


def farthest_first(points: np.ndarray, density: np.ndarray | float, count: int) -> np.ndarray:
    """Rows (count,) of points (n, 3): each the farthest from those before it, for its density (n,) or that of all."""
    rows = np.zeros(min(count, len(points)), np.int64)
    square = np.full(len(points), np.inf)
    for index in range(1, len(rows)):
        square = np.minimum(square, density * np.sum((points - points[rows[index - 1]]) ** 2, axis=1))
        rows[index] = np.argmax(square)
    return rows
