"""Masks grow and shrink evenly."""

import numpy as np

from pegasus_jax.synthesis import masks


def dot(size=21):
    mask = np.zeros((size, size), bool)
    mask[10, 10] = True
    return mask


def test_growth_is_the_same_in_all_directions():
    grown = masks.grow(dot(), 4)
    assert masks.box(grown) == (slice(6, 15), slice(6, 15))
    for turned in (grown[::-1], grown[:, ::-1], grown.T):
        np.testing.assert_array_equal(grown, turned)


def test_cleaning_takes_specks_away_and_leaves_the_rest():
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    speckled = mask.copy()
    speckled[3, 3] = speckled[35, 20] = True
    np.testing.assert_array_equal(masks.clean(speckled, 1), mask)


def test_distances_are_shares_of_the_height_and_never_vanish():
    assert masks.pixels(0.02, 512) == 10 and masks.pixels(0.02, 256) == 5 and masks.pixels(0.001, 96) == 1
