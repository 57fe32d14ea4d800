import numpy as np
import pytest

from pegasus_jax.capture.mattes import Segmenters
from pegasus_jax.capture.matting import estimate_foreground, solve_matte
from pegasus_jax.capture.video import read_frames

PERSON, WALL = np.array([150, 60, 40.0]), np.array([60, 160, 90.0])


@pytest.fixture(scope="module")
def strands():
    """A picture (384, 384, 3) of a person with strands of hair before a wall, its true matte, and a segmenter's."""
    rng = np.random.default_rng(0)
    matte = np.zeros((384, 384))
    matte[120:, 100:284] = 1
    for column in range(104, 280, 12):
        matte[108:120, column : column + 6] = [0.5, 1, 1, 1, 1, 0.5]
    image = matte[..., None] * PERSON + (1 - matte[..., None]) * WALL + rng.normal(0, 4, (384, 384, 1))
    coarse = np.zeros((384, 384))
    coarse[117:, 98:286] = 1  # cuts the strands off, and takes some of the wall in
    return np.round(image).astype(np.uint8), matte, coarse


def test_strands_that_the_segmenter_lost_come_back(strands):
    image, matte, coarse = strands
    refined = solve_matte(image, coarse)
    assert refined.dtype == np.float32
    rows = slice(109, 117)
    strand, gap = matte[rows] == 1, matte[rows] == 0
    assert coarse[rows].max() == 0
    assert refined[rows][strand].mean() > 0.85
    assert refined[rows][gap].mean() < 0.1
    assert np.abs(refined - matte).mean() < 0.25 * np.abs(coarse - matte).mean()
    assert refined[:90].max() == 0 and refined[150:, 130:250].min() == 1


def test_colours_at_the_outline_are_the_persons_own(strands):
    image, matte, _ = strands
    colours = estimate_foreground(image, matte)
    mixed = matte == 0.5
    assert np.abs(image[mixed] - PERSON).mean() > 30
    assert np.abs(colours[mixed] - PERSON).mean() < 8
    np.testing.assert_array_equal(colours[(matte == 0) | (matte == 1)], image[(matte == 0) | (matte == 1)])


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_matte_that_leaves_nothing_to_solve_stays(value):
    coarse = np.full((64, 64), value)
    np.testing.assert_array_equal(solve_matte(np.zeros((64, 64, 3), np.uint8), coarse), coarse)


def test_a_picture_of_one_colour_is_solved():
    coarse = np.zeros((64, 64))
    coarse[24:40, 24:40] = 1
    refined = solve_matte(np.full((64, 64, 3), 90, np.uint8), coarse)
    assert np.isfinite(refined).all() and refined[32, 32] == 1 and refined[0, 0] == 0


def test_large_pictures_are_solved_small_and_given_back_large(models):
    image = next(read_frames(models / "videos" / "subject_a.mp4")).image
    with Segmenters() as segmenters:
        coarse = segmenters.person(image)
    refined = solve_matte(image, coarse)
    assert refined.shape == coarse.shape
    assert np.abs(refined - coarse).mean() < 0.03
