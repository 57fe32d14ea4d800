"""Facial parts: blended to the pixel, and nothing else touched."""

import numpy as np
import pytest

from pegasus_jax.synthesis import facial, masks


def picture(seed: int, shape=(64, 80)) -> np.ndarray:
    """A smooth random picture (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(x / rng.uniform(4, 9) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(4, 9)) for _ in range(3)]
    return np.round(127 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)


def block(shape, rows, cols) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[rows, cols] = True
    return mask


@pytest.mark.parametrize("height", [10, 11])
@pytest.mark.parametrize("width", [12, 13])
@pytest.mark.parametrize("corner", [(20, 30), (21, 31), (0, 0), (50, 60)], ids=["even", "odd", "border", "far corner"])
def test_a_picture_cloned_into_itself_stays_where_it_is(height, width, corner):
    image = picture(0)
    mask = block(image.shape[:2], slice(corner[0], corner[0] + height), slice(corner[1], corner[1] + width))
    error = np.abs(facial.clone(image, image, mask).astype(int) - image)
    assert error.max() <= 1
    assert np.abs(np.roll(image, 1, axis=1).astype(int) - image)[mask].max() > 12


def test_gradients_come_from_the_source_and_the_level_from_the_destination():
    pattern = picture(1)
    brighter = np.clip(pattern.astype(int) + 40, 0, 255).astype(np.uint8)
    flat = np.full_like(pattern, 100)
    mask = block(pattern.shape[:2], slice(20, 40), slice(25, 50))
    one, other = (facial.clone(source, flat, mask).astype(int) for source in (pattern, brighter))
    np.testing.assert_array_equal(one[~mask], flat[~mask])
    assert np.abs(one - other)[mask].max() <= 1, "a constant offset of the source must not matter"
    assert np.ptp(one[mask]) > 30, "its pattern must"
    inner = block(pattern.shape[:2], slice(24, 36), slice(29, 46))
    steps = np.diff(one, axis=1)[inner[:, 1:]] - np.diff(pattern.astype(int), axis=1)[inner[:, 1:]]
    assert np.abs(steps).mean() < 1.5


def test_the_border_shows_no_seam():
    dark, light = np.full((64, 80, 3), 60, np.uint8), np.full((64, 80, 3), 200, np.uint8)
    mask = block((64, 80), slice(20, 40), slice(25, 50))
    np.testing.assert_array_equal(facial.clone(dark, light, mask), light)


def test_outside_the_changed_region_every_pixel_is_the_targets():
    image, donor = picture(2), picture(3)
    old = block(image.shape[:2], slice(20, 30), slice(20, 34))
    new = block(image.shape[:2], slice(24, 36), slice(28, 44))
    swapped, changed = facial.swap(image, old, donor, new, spared=np.zeros((64, 80), bool), is_skin=False)
    np.testing.assert_array_equal(swapped[~changed], image[~changed])
    assert (old <= changed).all() and (new <= changed).all()
    assert masks.grow(old | new, 3)[changed].all(), "no more than the margin"
    assert (swapped[new] != image[new]).mean() > 0.5


def test_the_old_part_is_gone_where_the_new_one_does_not_cover_it():
    image = np.full((64, 64, 3), 180, np.uint8)
    old = block((64, 64), slice(20, 30), slice(10, 22))
    image[old] = (10, 20, 30)
    new = block((64, 64), slice(20, 30), slice(40, 52))
    swapped, _ = facial.swap(image, old, np.full_like(image, 180), new, spared=np.zeros((64, 64), bool), is_skin=False)
    assert np.abs(swapped[old].astype(int) - 180).max() < 8


def test_the_other_parts_of_the_target_stay_beside_the_old_one():
    image = np.full((64, 64, 3), 180, np.uint8)
    brow, eye, new = (block((64, 64), slice(*rows), slice(20, 40)) for rows in ((20, 24), (25, 29), (8, 12)))
    image[brow], image[eye] = 20, 60
    swapped, changed = facial.swap(image, brow, np.full_like(image, 180), new, spared=eye, is_skin=False)
    np.testing.assert_array_equal(swapped[eye], image[eye])
    assert not changed[eye].any()
    assert changed[brow].all()


def test_a_part_drawn_from_points_has_neither_gaps_nor_specks():
    solid = block((300, 300), slice(100, 180), slice(100, 200))
    drawn = solid.astype(np.float32)
    drawn[130, 120:123] = drawn[150, 160] = 0.0
    drawn[20:22, 20:22] = 1.0
    off = facial.whole(drawn) != solid
    assert not off[104:176, 104:196].any()
    assert not off[:90].any()
    assert off.mean() < 0.001


def test_a_part_filmed_in_warm_light_does_not_turn_blue_in_white_light():
    skin, lips, warm = np.array([200, 160, 140]), np.array([160, 80, 80]), np.array([0.9, 0.6, 0.35])
    mask = block((64, 64), slice(26, 38), slice(20, 44))
    donor, truth = np.empty((64, 64, 3), np.uint8), np.empty((64, 64, 3), np.uint8)
    donor[:], truth[:] = skin * warm, skin
    donor[mask], truth[mask] = lips * warm, lips
    target = np.full((64, 64, 3), skin, np.uint8)
    swapped, _ = facial.swap(target, mask, donor, mask, spared=np.zeros((64, 64), bool), is_skin=False)
    assert np.abs(swapped[mask].astype(int) - truth[mask]).mean() < 8


def _noses(*spreads):
    """Pictures (64, 64, 3) of grey noses, shaded from dark to bright by so many times, on skin; and where they are."""
    mask = block((64, 64), slice(20, 44), slice(20, 44))
    shade = np.where(mask, np.geomspace(0.5, 2.0, 64)[None, :], 1.0)
    return [np.repeat(np.round(100 * shade**spread)[..., None], 3, axis=2).astype(np.uint8) for spread in spreads], mask


def test_a_nose_has_the_shade_of_the_donors_and_the_colour_of_the_targets_skin():
    (target, donor), mask = _noses(1.0, 0.7)
    swapped, _ = facial.swap(
        np.round(target * [1.0, 0.7, 0.5]).astype(np.uint8),
        mask,
        np.round(donor * [1.2, 1.0, 0.9]).astype(np.uint8),
        mask,
        spared=np.zeros((64, 64), bool),
        is_skin=True,
    )
    shade = swapped[32, 22:42] / (100 * np.array([1.0, 0.7, 0.5]))
    assert np.ptp(shade, axis=1).max() < 0.03, "no colour but the skin's"
    np.testing.assert_allclose(shade.mean(axis=1), donor[32, 22:42, 0] / 100, atol=0.06)


def test_a_nose_filmed_in_hard_light_is_shaded_as_the_one_before():
    (target, hard), mask = _noses(0.4, 1.6)
    swapped, _ = facial.swap(target, mask, hard, mask, spared=np.zeros((64, 64), bool), is_skin=True)
    before, after = (np.ptp(picture[32, 22:42, 0].astype(int)) for picture in (target, swapped))
    assert before < after < 1.5 * before


def test_skin_between_two_parts_is_continuous():
    """What lies between an old brow and the eye under it borders on skin that stays, and takes its level from there."""
    image = np.full((400, 400, 3), 120, np.uint8)
    brow, eye, new = (block((400, 400), slice(*rows), slice(150, 250)) for rows in ((120, 140), (154, 180), (100, 120)))
    image[brow], image[eye] = 20, 240
    donor = np.full_like(image, 120)
    donor[143:154] = 220  # a lid in bright light
    donor[new] = 30
    swapped, changed = facial.swap(image, brow, donor, new, spared=eye, is_skin=False)
    last = np.flatnonzero(changed[:154, 200]).max()
    assert 140 <= last < 150, "the skin beside the eye stays"
    np.testing.assert_allclose(swapped[last, 170:230].astype(int), 120, atol=30)
