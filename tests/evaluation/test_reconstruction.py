"""Figures of held-out frames, and the stills beside them."""

import dataclasses

import numpy as np
import pytest

from pegasus_jax.data.frames import take
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.evaluation.reconstruction import Pictures, figures_of
from tests.evaluation.avatars import baked_avatar


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    return baked_avatar(tmp_path_factory.mktemp("reconstruction"))


@pytest.fixture(scope="module")
def frames(filmed):
    return filmed[2]


def truth(frames) -> Pictures:
    return Pictures(np.asarray(frames.over_white()), np.asarray(frames.alpha()))


def test_a_perfect_prediction_has_perfect_figures(frames):
    figures = figures_of(truth(frames), frames)
    assert figures["psnr"] == figures["foreground_psnr"] == figures["eyes_mouth_psnr"] == np.inf
    assert figures["ssim"] == pytest.approx(1.0, abs=1e-5)
    assert figures["sharpness"] == figures["eyes_mouth_sharpness"] == 1.0
    assert figures["l1"] == 0.0 and figures["iou"] == 1.0 and figures["boundary_error"] == 0.0


def test_figures_are_those_of_their_own_pixels(frames):
    exact = truth(frames)
    wrong = np.clip(exact.image + 0.1, None, 2.0)
    figures = figures_of(Pictures(wrong, exact.alpha), frames)
    assert figures["psnr"] == pytest.approx(20.0, abs=1e-3)
    assert figures["foreground_psnr"] == pytest.approx(20.0, abs=1e-3)
    assert figures["l1"] == pytest.approx(0.1, abs=1e-5)
    inside = exact.alpha >= 0.5
    outside_only = np.where(inside[..., None], exact.image, 0.0)
    figures = figures_of(Pictures(outside_only, 1.0 - inside), frames)
    assert figures["foreground_psnr"] == np.inf and figures["psnr"] < 10.0
    assert figures["iou"] == 0.0


def test_softness_is_told_where_it_is(frames):
    exact = truth(frames)
    faded = figures_of(Pictures(0.5 * exact.image, exact.alpha), frames)
    assert faded["sharpness"] == pytest.approx(0.5, rel=1e-4)
    assert faded["eyes_mouth_sharpness"] == pytest.approx(0.5, rel=1e-4)
    shown = frames.emphasis[..., None] >= 128
    elsewhere = figures_of(Pictures(np.where(shown, exact.image, 0.5 * exact.image), exact.alpha), frames)
    assert elsewhere["eyes_mouth_sharpness"] == 1.0 != elsewhere["sharpness"]


def test_an_outline_is_compared_where_there_is_one(frames):
    nothing = Pictures(truth(frames).image, np.zeros_like(truth(frames).alpha))
    assert "boundary_error" not in figures_of(nothing, frames)
    nothing.alpha[3] = np.roll(truth(frames).alpha[3], 2, axis=1)
    assert 0.0 < figures_of(nothing, frames)["boundary_error"] < 2.0


def test_eyes_and_mouth_are_left_out_where_no_frame_shows_them(frames):
    hidden = dataclasses.replace(frames, emphasis=np.zeros_like(frames.emphasis))
    assert not {"eyes_mouth_psnr", "eyes_mouth_sharpness"} & figures_of(truth(hidden), hidden).keys()
    half = frames.emphasis.copy()
    half[::2] = 0
    some = dataclasses.replace(frames, emphasis=half)
    assert figures_of(truth(some), some)["eyes_mouth_psnr"] == np.inf, "frames without are no NaN"


def test_the_stills_are_the_mean_and_the_nearest_frame(frames):
    train, test = take(frames, np.arange(7)), take(frames, np.array([3, 5, 3]))
    stills = reconstruction.stills(train, test)
    mean, nearest = stills["mean training image"], stills["nearest training frame"]
    np.testing.assert_allclose(mean.image[1], truth(train).image.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean.alpha[2], truth(train).alpha.mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(nearest.image, truth(test).image)
    np.testing.assert_array_equal(nearest.alpha, truth(test).alpha)
    constant = stills[reconstruction.CONSTANT]
    colour = truth(train).image.mean(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(constant.image[2, 5, 7], colour, atol=1e-5)
    assert np.ptp(constant.image, axis=(0, 1, 2)).max() == 0 and np.ptp(constant.alpha) == 0


def test_a_drive_is_rendered_frame_by_frame_in_chunks_of_any_remainder(filmed):
    baked, drive, frames = filmed
    assert len(reconstruction.drive_of(frames)) == len(drive)
    pictures = reconstruction.render_drive(baked, reconstruction.drive_of(frames))
    assert pictures.image.shape == (10, 24, 24, 3) and pictures.alpha.shape == (10, 24, 24)
    nine = drive.frames(9)
    last = baked.render(nine.params, nine.cameras)
    np.testing.assert_allclose(pictures.image[9], last.image, atol=1e-5)
    np.testing.assert_allclose(pictures.alpha[9], last.alpha, atol=1e-5)
