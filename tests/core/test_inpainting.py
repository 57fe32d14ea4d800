"""Points whose values are inpainted from their neighbours."""

import numpy as np
import pytest

from pegasus_jax.core.inpainting import inpaint_from_neighbours


def line(count: int) -> np.ndarray:
    return np.stack([np.arange(count, dtype=np.float32), np.zeros(count), np.zeros(count)], axis=1)


def test_a_borrower_has_the_mean_of_its_nearest_lenders_and_nobody_else_changes():
    albedo = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    borrowers, lenders = np.arange(20) == 0, np.arange(20) >= 10
    got = inpaint_from_neighbours(line(20), albedo, unknown=borrowers, known=lenders)
    np.testing.assert_allclose(got[0], albedo[10:14].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(got[1:], albedo[1:])


@pytest.mark.parametrize("count", [1, 2])
def test_few_lenders_are_enough(count):
    albedo = np.random.default_rng(1).random((6, 3)).astype(np.float32)
    lenders = np.arange(6) < count
    got = inpaint_from_neighbours(line(6), albedo, unknown=~lenders, known=lenders)
    np.testing.assert_allclose(got[~lenders], np.broadcast_to(albedo[:count].mean(axis=0), (6 - count, 3)), rtol=1e-6)


def test_without_lenders_everybody_keeps_their_own():
    albedo = np.random.default_rng(2).random((5, 3)).astype(np.float32)
    nobody = np.zeros(5, bool)
    np.testing.assert_array_equal(inpaint_from_neighbours(line(5), albedo, unknown=~nobody, known=nobody), albedo)
