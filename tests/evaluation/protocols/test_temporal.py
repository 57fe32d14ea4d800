"""How pictures change from frame to frame."""

import numpy as np
import pytest

from pegasus_jax.evaluation.protocols.temporal import longest_stretch, steadiness


def test_the_longest_stretch_follows_the_numbers():
    numbers = np.array([1, 2, 3, 7, 8, 9, 10, 20])
    np.testing.assert_array_equal(longest_stretch(numbers, np.arange(8)), [3, 4, 5, 6])
    np.testing.assert_array_equal(longest_stretch(numbers, np.array([0, 1, 3, 4])), [0, 1], "the first of equals")


def test_change_is_compared_with_the_frames_own():
    levels = np.array([0.0, 0.1, 0.3, 0.3, 0.7])
    filmed = np.broadcast_to(levels[:, None, None, None], (5, 4, 4, 3))
    same = steadiness(0.5 * filmed, filmed)
    assert same["change"] == pytest.approx(0.5 * 0.7 / 4)
    assert same["change_ratio"] == pytest.approx(0.5)
    assert same["change_correlation"] == pytest.approx(1.0)
    still = steadiness(np.zeros_like(filmed), filmed)
    assert still == {"change": 0.0, "change_ratio": 0.0}, "nothing moves, so nothing correlates"
