import numpy as np

from pegasus_jax.viewer.one_euro import OneEuro

STEP = 1.0 / 30.0


def run(values, **settings):
    one = OneEuro(**settings)
    return np.array([one(np.atleast_1d(value), index * STEP) for index, value in enumerate(values)])


def test_rest_becomes_calm_and_a_jump_is_followed():
    noise = 0.01 * np.random.default_rng(0).normal(size=300)
    calm = run(noise, calm=1.5, quick=4.0)
    assert calm[30:].std() < 0.5 * noise.std()
    jump = run(np.r_[np.zeros(20), np.ones(20)], calm=1.5, quick=4.0)
    assert jump[22, 0] > 0.9, "within a tenth of a second"


def test_without_quickness_it_is_a_first_order_low_pass():
    """Whose answer to a step at sampling interval T is 1 - (1 / (1 + 2 pi f T))^n."""
    answer = run(np.r_[0.0, np.ones(30)], calm=2.0, quick=0.0)[1:, 0]
    expected = 1.0 - (1.0 + 2.0 * np.pi * 2.0 * STEP) ** -np.arange(1.0, 31.0)
    np.testing.assert_allclose(answer, expected, rtol=1e-12)


def test_numbers_do_not_disturb_each_other():
    moving, still = np.sin(np.arange(50.0)), np.zeros(50)
    both = run(np.stack([moving, still], axis=1), calm=1.0, quick=1.0)
    np.testing.assert_array_equal(both[:, 0], run(moving, calm=1.0, quick=1.0)[:, 0])
    assert not both[:, 1].any()
