import numpy as np
import pytest
from scipy import optimize, spatial

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import baselines


def test_no_still_picture_beats_the_mean_image():
    rng = np.random.default_rng(0)
    images = rng.random((5, 3, 4, 3)).astype(np.float32)
    still = baselines.mean_image(images)
    np.testing.assert_allclose(still, images.astype(np.float64).mean(0), atol=1e-7)
    error = np.square(images - still).sum()
    for _ in range(20):
        other = still + 0.01 * rng.standard_normal(still.shape)
        assert np.square(images - other).sum() > error


def test_no_colour_beats_the_best_constant():
    images = np.random.default_rng(1).random((4, 5, 6, 3)).astype(np.float32) ** 2
    constant = baselines.best_constant(images)
    assert constant.shape == (5, 6, 3) and np.ptp(constant, axis=(0, 1)).max() == 0
    for c in range(3):
        found = optimize.minimize_scalar(lambda level, c=c: np.square(images[..., c] - level).sum())
        assert constant[0, 0, c] == pytest.approx(found.x, abs=1e-5)


def test_the_nearest_frame_agrees_with_scipy():
    rng = np.random.default_rng(2)
    scale = np.geomspace(1e-3, 1e3, 15)
    pose, expression = rng.standard_normal((40, 15)) * scale + 7, rng.standard_normal((40, 50))
    test_pose, test_expression = rng.standard_normal((9, 15)) * scale + 7, rng.standard_normal((9, 50))

    def distances(train, test):
        return spatial.distance.cdist(test, train, "seuclidean", V=train.var(axis=0)) ** 2 / train.shape[1]

    expected = distances(pose, test_pose) + distances(expression, test_expression)
    found = baselines.nearest_frames([pose, expression], [test_pose, test_expression])
    np.testing.assert_array_equal(found, expected.argmin(axis=1))


def test_a_training_frame_is_nearest_to_itself_whatever_does_not_vary():
    pose = np.random.default_rng(3).standard_normal((20, 15)).astype(np.float32)
    pose[:, :3] = 0.7  # the global rotation of captured data stands still
    still = np.zeros((20, 50), np.float32)
    order = np.arange(20)[::-1]
    queries = pose[order].copy()
    queries[:, :3] = 5.0
    np.testing.assert_array_equal(baselines.nearest_frames([pose, still], [queries, still]), order)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="same kinds of parameters"):
        baselines.nearest_frames([np.zeros((3, 15))], [np.zeros((3, 50))])
    with pytest.raises(UserError, match=r"needs pictures \(N, H, W, 3\); got \(0, 4, 4, 3\)"):
        baselines.mean_image(np.zeros((0, 4, 4, 3)))
