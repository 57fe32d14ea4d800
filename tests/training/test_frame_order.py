"""The order of frames: shuffled epochs that are a pure function of seed and position."""

import numpy as np

from pegasus_jax.data.frames import frame_order


def test_every_epoch_shows_every_frame_once():
    order = frame_order(0, 0, 3 * 7, 7).reshape(3, 7)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(7), (3, 1)))
    assert len({tuple(epoch) for epoch in order.tolist()}) == 3


def test_slices_of_the_row_agree_wherever_they_are_cut():
    whole = frame_order(5, 0, 40, 9)
    for start, count in ((0, 4), (3, 11), (8, 2), (17, 23)):
        np.testing.assert_array_equal(frame_order(5, start, count, 9), whole[start : start + count])


def test_another_seed_is_another_order():
    assert not np.array_equal(frame_order(0, 0, 50, 50), frame_order(1, 0, 50, 50))
