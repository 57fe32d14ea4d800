"""Random heads for tests: small, valid, and with no structure that a mistake could hide behind."""

import numpy as np

from pegasus_jax.flame.model import Embedding, HeadModel


def random_head(num_vertices: int, *, seed: int) -> HeadModel:
    """A random point set of FLAME's layout with random triangles, bases and weights."""
    rng = np.random.default_rng(seed)

    def numbers(*shape, scale=1.0):
        return (scale * rng.normal(size=shape)).astype(np.float32)

    weights = rng.random((num_vertices, 5)) ** 4
    regressor = rng.random((5, num_vertices)) ** 8
    corners = np.array([rng.choice(num_vertices, 3, replace=False) for _ in range(2 * num_vertices)], np.int32)
    points = Embedding(np.arange(68, dtype=np.int32) % len(corners), np.full((68, 3), 1 / 3, np.float32))
    return HeadModel(
        v_template=numbers(num_vertices, 3, scale=0.4),
        faces=corners,
        shapedirs=numbers(num_vertices, 3, 100, scale=0.01),
        exprdirs=numbers(num_vertices, 3, 50, scale=0.02),
        posedirs=numbers(36, num_vertices, 3, scale=0.01),
        J_regressor=(regressor / regressor.sum(axis=1, keepdims=True)).astype(np.float32),
        lbs_weights=(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
        lmk68=points,
        contour=None,
        mediapipe=None,
        iris=None,
        regions={},
    )
