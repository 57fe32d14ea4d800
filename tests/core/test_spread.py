"""How points are spread."""

import numpy as np

from pegasus_jax.core.spread import farthest_first, in_company


def test_the_farthest_come_first():
    line = np.arange(9.0)[:, None] * [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(farthest_first(line, 1.0, 3), [0, 8, 4])
    assert len(farthest_first(line, 1.0, 20)) == 9


def test_a_speck_has_no_company_and_a_sparse_fringe_has():
    rng = np.random.default_rng(0)
    ball, fringe = rng.uniform(-1.0, 1.0, (2000, 3)), rng.uniform(-1.0, 1.0, (30, 3)) + np.array([2.0, 0.0, 0.0])
    specks = np.array([[9.0, 0.0, 0.0], [0.0, -9.0, 0.0], [0.1, -9.0, 0.0]])
    company = in_company(np.concatenate([ball, fringe, specks]))
    assert company[:-3].all() and not company[-3:].any()


def test_few_points_are_company_enough():
    assert in_company(np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])).all()
    assert in_company(np.zeros((0, 3))).shape == (0,)
