import numpy as np
import pytest

from pegasus_jax.families.quantised import quantise


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_every_row_is_right_to_half_a_step_of_its_own_and_zero_is_zero(dtype):
    rng = np.random.default_rng(0)
    array = rng.normal(size=(3, 50)) * np.array([[1e-4], [1.0], [300.0]])
    array[1, 7] = 0.0
    found = quantise(array, dtype)
    assert found.values.dtype == dtype and found.restored[1, 7] == 0.0
    assert np.allclose(found.steps, np.abs(array).max(axis=1) / np.iinfo(dtype).max)
    assert (np.abs(found.restored - array) <= 0.501 * found.steps[:, None]).all()


def test_rows_of_zeros_stay_zeros():
    found = quantise(np.zeros((2, 4)), "int16")
    assert not found.restored.any() and np.isfinite(found.steps).all()


def test_a_row_may_be_a_matrix_and_there_may_be_none():
    assert quantise(np.ones((2, 3, 4)), "int16").restored.shape == (2, 3, 4)
    assert quantise(np.zeros((0, 4)), "int8").values.shape == (0, 4)
