"""FID's arithmetic against closed forms and SciPy's matrix root; KID's against sums written out."""

import numpy as np
import pytest
from scipy import linalg

from pegasus_jax.evaluation.distribution import frechet_distance, kernel_distance


def with_moments(mean: np.ndarray, covariance: np.ndarray, *, count: int = 50, seed: int = 0) -> np.ndarray:
    """(count, D) samples of exactly this mean and covariance."""
    noise = np.random.default_rng(seed).standard_normal((count, len(mean)))
    noise -= noise.mean(axis=0)
    whitened = noise @ np.linalg.inv(np.linalg.cholesky(noise.T @ noise / (count - 1)).T)
    return mean + whitened @ np.linalg.cholesky(covariance).T


def random_covariance(dimensions: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).standard_normal((dimensions, dimensions))
    return root @ root.T + 0.1 * np.eye(dimensions)


def test_gaussians_on_a_line_have_the_closed_form():
    a = with_moments(np.array([1.0]), np.array([[4.0]]))
    b = with_moments(np.array([-2.0]), np.array([[0.25]]), seed=1)
    assert frechet_distance(a, b) == pytest.approx(3.0**2 + (2.0 - 0.5) ** 2)


def test_gaussians_with_shared_axes_have_the_closed_form():
    mean, a, b = np.array([0.5, 0.0, -1.0]), np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 0.01])
    found = frechet_distance(with_moments(mean, np.diag(a)), with_moments(0 * mean, np.diag(b), seed=1))
    assert found == pytest.approx(mean @ mean + np.square(np.sqrt(a) - np.sqrt(b)).sum())


@pytest.mark.parametrize("seed", range(3))
def test_any_gaussians_agree_with_the_matrix_root(seed):
    rng = np.random.default_rng(seed)
    means, covariances = rng.standard_normal((2, 6)), [random_covariance(6, 2 * seed + k) for k in range(2)]
    sets = [with_moments(m, c, seed=k) for k, (m, c) in enumerate(zip(means, covariances))]
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    expected = np.square(means[0] - means[1]).sum() + np.trace(covariances[0] + covariances[1] - 2 * root.real)
    assert frechet_distance(*sets) == pytest.approx(expected, rel=1e-9)


def test_fewer_pictures_than_dimensions_are_no_trouble():
    rng = np.random.default_rng(0)
    few, many = rng.standard_normal((5, 40)), rng.standard_normal((90, 40)) + 0.5
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-9)
    small = [np.cov(f, rowvar=False) for f in (few, many)]
    # The root of C_a^½ C_b C_a^½, whose trace is the same, is one of a symmetric matrix.
    values, axes = np.linalg.eigh(small[0])
    half = axes * np.sqrt(np.maximum(values, 0)) @ axes.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(half @ small[1] @ half), 0)).sum()
    expected = np.square(few.mean(0) - many.mean(0)).sum() + np.trace(small[0] + small[1]) - 2 * overlap
    assert frechet_distance(few, many) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(many, few) == pytest.approx(frechet_distance(few, many), rel=1e-9)


def test_whole_sets_give_the_unbiased_sums():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 7, 4)) + np.array([0.0, 0.3])[:, None, None]

    def kernel(x, y):
        return (x @ y / 4 + 1) ** 3

    within = [np.mean([kernel(s[i], s[j]) for i in range(7) for j in range(7) if i != j]) for s in (a, b)]
    across = np.mean([kernel(x, y) for x in a for y in b])
    found = kernel_distance(a, b, subsets=3)
    assert found.mean == pytest.approx(sum(within) - 2 * across)
    assert found.std == pytest.approx(0.0, abs=1e-12)
    assert found.subset_size == 7


def test_subsets_are_seeded_unbiased_and_sharper_when_larger():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 400, 8))
    small, large = (kernel_distance(a, b, subsets=200, subset_size=size) for size in (20, 200))
    assert small == kernel_distance(a, b, subsets=200, subset_size=20)
    assert small != kernel_distance(a, b, subsets=200, subset_size=20, seed=1)
    assert abs(small.mean) < 4 * small.std / np.sqrt(200)
    assert large.std < 0.3 * small.std
    apart = kernel_distance(a, b + 1.0, subsets=20, subset_size=100)
    assert apart.mean > 5 * apart.std


@pytest.mark.parametrize(
    "a, b", [((9, 3), (9, 4)), ((1, 3), (9, 3)), ((9,), (9, 3))], ids=["dimensions", "one_picture", "no_rows"]
)
@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_sets_that_do_not_fit_are_refused(distance, a, b):
    with pytest.raises(ValueError, match=r"two sets of features \(N, D\) with one D"):
        distance(np.zeros(a), np.zeros(b))


def test_a_subset_larger_than_a_set_is_refused():
    with pytest.raises(ValueError, match="subset_size must be from 2 to 5, the size of the smaller set; got 6"):
        kernel_distance(np.zeros((5, 3)), np.zeros((9, 3)), subset_size=6)
