"""Lines where they belong."""

import numpy as np
import pytest

from pegasus_jax.media.plots import Axis, line_plot


def test_places_are_logarithmic():
    axis = Axis("", 1.0, 100.0)
    np.testing.assert_allclose(axis.place(np.array([1, 10, 100])), [0, 0.5, 1])
    assert np.isfinite(axis.place(np.array(0.0)))


@pytest.mark.parametrize(
    "start, end, ticks", [(1, 128, [1, 2, 5, 10, 20, 50, 100]), (1e-6, 1e-1, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])]
)
def test_ticks_are_round_numbers(start, end, ticks):
    np.testing.assert_allclose(Axis("", start, end).ticks(), ticks)


def test_a_level_line_is_level_and_stays_inside_the_axes():
    axes = {"across": Axis("x", 1.0, 100.0), "up": Axis("y", 1.0, 100.0), "title": "title"}
    empty = line_plot({}, **axes)
    x = np.array([0.01, 1e6])
    plot = line_plot({"low": (x, np.array([10.0, 10.0])), "lost": (x, np.array([1e-9, 1e-9]))}, **axes)
    changed = (plot != empty).any(axis=-1)
    rows, columns = np.nonzero((plot == 0).all(axis=-1) & changed)
    legend = plot.shape[0] - 40 - 50
    level = rows[rows < legend]
    assert np.ptp(level) <= 2 and abs(level.mean() - (28 + (420 - 68) / 2)) < 2
    assert columns.min() >= 64 and columns.max() < 640 - 14
