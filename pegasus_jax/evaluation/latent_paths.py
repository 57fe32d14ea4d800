"""How smoothly pictures change along a path between two looks: PPL and PDV as in DiffMorpher and PERSE.

Zhang et al. 2024 ("DiffMorpher") take the perceptual distances of adjacent pictures: their sum is the length of the
path, their variance says how uneven its steps are. StyleGAN's path length is another quantity.
"""

from collections.abc import Callable
from typing import NamedTuple, SupportsFloat

import numpy as np
from jax.typing import ArrayLike


class PathFigures(NamedTuple):
    """Figures of one path; lower is better, and a path that goes nowhere has the best."""

    ppl: float  # sum of the steps' distances
    pdv: float  # their variance, by the metric's name
    deviation: float  # the root of it, which PERSE's tables show times 100 as PDV*


def path_figures(distances: ArrayLike) -> PathFigures:
    """Figures of a path from its steps' distances (S,)."""
    distances = np.asarray(distances, np.float64)
    if distances.ndim != 1 or not distances.size:
        raise ValueError(f"the distances of a path's steps must have shape (S,); got {distances.shape}.")
    return PathFigures(float(distances.sum()), float(distances.var()), float(distances.std()))


def walk(
    render: Callable[[float], np.ndarray],
    distance: Callable[[np.ndarray, np.ndarray], SupportsFloat],
    *,
    pictures: int,
) -> np.ndarray:
    """(pictures - 1,) distances of adjacent pictures at evenly spaced places from 0 to 1, both ends among them.

    Args:
        render: a place in [0, 1] on the path to its picture (H, W, 3).
        distance: of two pictures, such as `Lpips`.
        pictures: how many; PERSE takes 9.
    """
    if pictures < 2:
        raise ValueError(f"a path needs at least two pictures; got {pictures}.")
    places = np.linspace(0.0, 1.0, pictures)
    steps, last = [], render(places[0])
    for place in places[1:]:
        picture = render(place)
        steps.append(float(distance(last, picture)))
        last = picture
    return np.array(steps)
