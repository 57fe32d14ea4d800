import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pegasus_jax.evaluation.similarity import fit_similarity


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_similarity_is_recovered(dimensions):
    rng = np.random.default_rng(0)
    points = rng.standard_normal((9, dimensions))
    rotation = Rotation.from_euler("zyx", [2.5, 0.0 if dimensions == 2 else 0.8, 0.0]).as_matrix()
    rotation, shift = rotation[:dimensions, :dimensions], rng.standard_normal(dimensions)
    moved = 1.7 * points @ rotation.T + shift
    found = fit_similarity(points, moved)
    assert found.scale == pytest.approx(1.7)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-12)
    np.testing.assert_allclose(found.apply(points), moved, atol=1e-12)


def test_it_is_the_least_squares_solution():
    """In the plane, as complex numbers, a similarity is z -> a z + b: linear least squares."""
    rng = np.random.default_rng(1)
    source, target = rng.standard_normal((2, 12, 2))
    z, w = (points @ [1, 1j] for points in (source, target))
    (a, b), *_ = np.linalg.lstsq(np.column_stack([z, np.ones(12)]), w, rcond=None)
    np.testing.assert_allclose(fit_similarity(source, target).apply(source) @ [1, 1j], a * z + b, atol=1e-12)


def test_a_mirror_image_is_met_by_a_rotation():
    points = np.random.default_rng(2).standard_normal((20, 3))
    found = fit_similarity(points, points * [-1, 1, 1])
    assert np.linalg.det(found.rotation) == pytest.approx(1.0)
    assert 0 < found.scale < 1
