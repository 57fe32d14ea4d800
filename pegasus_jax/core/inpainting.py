"""Inpainting on points: those whose own colours, or cue, are not to be trusted take those of their neighbours."""

import numpy as np
import scipy.spatial

_NEIGHBOURS = 4


def inpaint_from_neighbours(
    points: np.ndarray, values: np.ndarray, *, unknown: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Values (N, C) of points (N, 3), in which `unknown` (N,) bool have the mean of the nearest `known` (N,) bool ones.

    Where nothing is known every point keeps its own.
    """
    out, rows = np.array(values), np.flatnonzero(known)
    if len(rows) and unknown.any():
        count = min(_NEIGHBOURS, len(rows))
        _, nearest = scipy.spatial.cKDTree(points[rows]).query(points[unknown], k=count)
        out[unknown] = out[rows[nearest.reshape(-1, count)]].mean(axis=1)
    return out
