"""The identity basis. ICT's identity files are principal modes with N(0, 1) coefficients, not people."""

import numpy as np


def ordered_basis(modes: np.ndarray, vertex_areas: np.ndarray) -> np.ndarray:
    """`modes` (V, 3, K) rotated among themselves, so that component k is the k-th in visible variance.

    A rotation leaves the Gaussian that the modes span as it was. `vertex_areas` (V,) says where variance is visible;
    the sign of a component is such that its largest displacement along an axis is positive.
    """
    weighted = modes * np.sqrt(vertex_areas)[:, None, None]
    gram = np.einsum("vck,vcl->kl", weighted, weighted)
    variances, rotation = np.linalg.eigh(gram)
    basis = modes @ rotation[:, np.argsort(-variances)]
    flat = basis.reshape(-1, basis.shape[-1])
    largest = flat[np.abs(flat).argmax(axis=0), np.arange(flat.shape[1])]
    return basis * np.sign(largest)


def vertex_areas(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area (V,) around each vertex: a third of each triangle (F, 3) that it belongs to."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    areas = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return np.bincount(triangles.ravel(), np.repeat(areas / 3, 3), minlength=len(vertices))
