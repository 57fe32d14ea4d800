"""Where the published models start: on a sphere."""

import numpy as np

SPHERE_RADIUS = 0.5  # head units


def sphere_points(count: int, rng: np.random.Generator) -> np.ndarray:
    """Directions of uniform points in a cube, at radius 0.5: (count, 3), as published."""
    directions = rng.uniform(-1.0, 1.0, (count, 3))
    return (SPHERE_RADIUS * directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
