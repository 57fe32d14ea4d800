import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.points import octahedral


def unit_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_directions_are_unit_vectors_all_over_the_sphere():
    vectors = np.asarray(octahedral.directions(33))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(vectors[16, 16], [0, 0, 1], atol=1e-7)
    np.testing.assert_allclose(vectors[0, 0], [0, 0, -1], atol=1e-7)
    nearest = (unit_vectors(2000) @ vectors.reshape(-1, 3).T).max(axis=1)
    assert np.degrees(np.arccos(nearest.min())) < 6.0


@pytest.mark.parametrize("size", [3, 9, 64])
def test_a_lookup_at_an_entry_gives_the_entry(size):
    table = jax.random.normal(jax.random.key(0), (size, size, 2))
    vectors = octahedral.directions(size)
    inside = np.asarray(jnp.abs(vectors).min(axis=-1) > 1e-3)  # a vector on a fold has two entries
    got = np.asarray(octahedral.lookup(table, vectors.reshape(-1, 3))).reshape(table.shape)
    np.testing.assert_allclose(got[inside], np.asarray(table)[inside], atol=2e-4)


def test_a_smooth_function_is_met_between_entries_and_across_folds():
    def function(v):
        return jnp.stack([jnp.sin(2.0 * v[..., 0]) * v[..., 2], v[..., 1] ** 2 + v[..., 2]], axis=-1)

    vectors = unit_vectors(20000)
    errors = []
    for size in (33, 65):
        got = octahedral.lookup(function(octahedral.directions(size)), jnp.asarray(7.0 * vectors))
        errors.append(np.abs(got - function(vectors)).max())
    assert errors[1] < 0.004 and errors[1] < 0.3 * errors[0], "half the spacing, a quarter of the error"


def test_neighbours_across_a_fold_agree():
    table = jax.random.normal(jax.random.key(0), (16, 16, 3))
    table = octahedral.lookup(table, octahedral.directions(16).reshape(-1, 3)).reshape(16, 16, 3)  # both entries alike
    angle = np.linspace(0, 2 * np.pi, 50)
    lower = np.stack([np.cos(angle), np.sin(angle), np.full(50, -1e-6)], axis=1).astype(np.float32)
    behind = np.stack([1e-6 * np.ones(50), np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    for one in (lower, behind):
        other = one * np.where(np.abs(one) < 1e-5, -1.0, 1.0).astype(np.float32)
        np.testing.assert_allclose(octahedral.lookup(table, one), octahedral.lookup(table, other), atol=1e-3)


def test_a_zero_vector_is_no_nan_and_gradients_are_finite():
    table = jax.random.normal(jax.random.key(0), (8, 8, 3))
    vectors = jnp.asarray(np.vstack([np.zeros(3), np.eye(3), -np.eye(3)]), jnp.float32)
    gradient = jax.grad(lambda v: octahedral.lookup(table, v).sum())(vectors)
    assert np.isfinite(octahedral.lookup(table, vectors)).all() and np.isfinite(gradient).all()
