"""A separate object of the scene: a mesh with its own paint."""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Piece:
    """Hair, a hat or a torso at rest on its wearer."""

    vertices: np.ndarray  # (V, 3) float32, head units
    faces: np.ndarray  # (F, 3) int
    pattern: np.ndarray  # (V, C): what `albedo` reads, interpolated
    albedo: Callable[[np.ndarray], np.ndarray]  # pattern (n, C) -> linear RGB (n, 3)
    gloss: float = 0.05  # 0..1
