import numpy as np

from pegasus_jax.demo.noise import smoothstep, strands, waves


def test_waves_vary_about_zero_at_the_asked_frequency():
    points = np.random.default_rng(0).uniform(-5, 5, (4000, 3))
    values = waves(points, frequency=3.0, seed=1)
    assert np.abs(values).max() <= 2.3 and abs(values.mean()) < 0.1
    np.testing.assert_allclose(values.std(), np.sqrt(0.5), rtol=0.1)
    slope = np.abs(waves(points + np.array([1e-3, 0, 0]), frequency=3.0, seed=1) - values).max() / 1e-3
    assert 1.0 < slope < 3.0 * 1.6 * 2.3


def test_strands_are_continuous_and_repeat_by_seed():
    line = np.linspace(0, 40, 4001)
    values = strands(line, seed=2)
    assert values.min() >= 0 and values.max() <= 1 and np.ptp(values) > 0.6
    assert np.abs(np.diff(values)).max() < 0.02
    np.testing.assert_array_equal(values, strands(line, seed=2))


def test_smoothstep_runs_both_ways():
    np.testing.assert_allclose(smoothstep(np.array([-1, 0, 0.5, 1, 2]), 0.0, 1.0), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(smoothstep(np.array([1.0, 3.0]), 3.0, 1.0), [1, 0])
