"""Hair and hats on a bald frame: soft edges, the right matte, and the target's own hair below a hat's rim."""

import numpy as np
import pytest

from pegasus_jax.synthesis import headwear
from pegasus_jax.synthesis.bald import BaldFrame
from pegasus_jax.synthesis.performance import Layer, Performance

SIDE = 100
BACKGROUND, SKIN, HAIR, BARE, NEW = (
    np.array(c) for c in ((90, 90, 90), (200, 150, 120), (40, 30, 20), (210, 160, 130), (20, 20, 220))
)


def region(rows, cols) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[rows, cols] = True
    return mask


FACE, OWN_HAIR = region(slice(50, 90), slice(30, 70)), region(slice(20, 60), slice(20, 80))
SKULL = region(slice(34, 60), slice(30, 70))


def frame():
    """A face below a block of hair, on a grey background; and the same bald."""
    image = np.empty((SIDE, SIDE, 3), np.uint8)
    image[:] = BACKGROUND
    image[FACE], image[OWN_HAIR] = SKIN, HAIR
    matte = 255 * (FACE | OWN_HAIR).astype(np.uint8)
    bare = image.copy()
    bare[OWN_HAIR] = BACKGROUND
    bare[SKULL] = BARE
    bare_matte = 255 * (FACE | SKULL).astype(np.uint8)
    return image, matte, BaldFrame(bare, bare_matte, OWN_HAIR)


def donor(part: np.ndarray, strength: float = 1.0, hidden: np.ndarray | None = None) -> Performance:
    """A donor whose `part` covers by `strength`, and shows in `hidden` too once the rest of the donor is gone."""
    share = strength * part.astype(np.float32)
    colour = np.broadcast_to(NEW / 255.0, (SIDE, SIDE, 3))
    alpha = np.maximum(share, FACE.astype(np.float32))
    alone = share if hidden is None else np.maximum(share, hidden.astype(np.float32))

    def over_white(coverage):
        return (colour * coverage[..., None] + 1 - coverage[..., None]).astype(np.float32)

    worn, whole = Layer(over_white(share), share), Layer(over_white(alone), alone)
    return Performance(over_white(alpha), alpha, share, colour, worn, whole)


def test_smaller_hair_shows_the_bald_head_and_the_background():
    image, matte, bald = frame()
    part = region(slice(30, 45), slice(28, 72))
    new, new_matte, worn, changed = headwear.put_on(image, matte, bald, donor(part), keep_below=False)
    np.testing.assert_allclose(new[part].mean(axis=0), NEW, atol=2)
    skull_below = SKULL & ~part & region(slice(48, 60), slice(30, 70))
    np.testing.assert_array_equal(new[skull_below], np.broadcast_to(BARE, (skull_below.sum(), 3)))
    outside = OWN_HAIR & ~SKULL & ~part
    assert (new_matte[outside & ~FACE & ~worn.astype(bool)] == 0).all()
    assert (new_matte[part] == 255).all() and (new_matte[FACE] == 255).all()
    np.testing.assert_array_equal(new[~changed], image[~changed])
    np.testing.assert_array_equal(new_matte[~changed], matte[~changed])


def test_skull_that_sticks_out_above_new_hair_is_cut_off():
    image, matte, bald = frame()
    part = region(slice(38, 60), slice(28, 72))  # the skull begins four pixels higher
    _, new_matte, _, _ = headwear.put_on(image, matte, bald, donor(part), keep_below=False)
    assert (new_matte[34:37, 35:65] == 0).all()


def test_bald_donors_leave_a_bald_target():
    image, matte, bald = frame()
    nothing = region(slice(0, 0), slice(0, 0))
    new, new_matte, worn, _ = headwear.put_on(image, matte, bald, donor(nothing), keep_below=False)
    np.testing.assert_array_equal(new, bald.image)
    np.testing.assert_array_equal(new_matte, bald.matte)
    assert not worn.any()


def test_under_a_hat_ones_own_hair_stays_below_the_rim():
    image, matte, bald = frame()
    hat = region(slice(24, 40), slice(28, 72))
    new, new_matte, _, _ = headwear.put_on(image, matte, bald, donor(hat), keep_below=True)
    below = OWN_HAIR & region(slice(42, 60), slice(20, 80))
    np.testing.assert_array_equal(new[below], image[below])
    assert (new_matte[below] == 255).all()
    beside = region(slice(20, 38), slice(20, 26))
    assert (new_matte[beside] == 0).all(), "hair beside and above the hat is gone"


def test_half_transparent_hair_mixes_with_what_is_behind_and_specks_are_left_out():
    image, matte, bald = frame()
    part = region(slice(10, 18), slice(20, 80))  # above all that was there
    half = donor(part, 0.7)
    new, new_matte, worn, _ = headwear.put_on(image, matte, bald, half, keep_below=False)
    expected = 0.7
    np.testing.assert_allclose(worn[12:16, 30:70], expected, atol=1e-5)
    np.testing.assert_allclose(new[14, 50], expected * NEW + (1 - expected) * BACKGROUND, atol=3)
    assert new_matte[14, 50] == pytest.approx(255 * expected, abs=2)
    speck = part | region(slice(90, 91), slice(5, 6))
    assert headwear.put_on(image, matte, bald, donor(speck), keep_below=False)[2][90, 5] == 0


def test_hair_that_the_donor_s_face_hid_shows_beside_the_target_s():
    image, matte, bald = frame()
    part, hidden = region(slice(30, 45), slice(28, 72)), region(slice(45, 80), slice(24, 76))
    for keep_below, shows in ((False, True), (True, False)):
        new, new_matte, worn, _ = headwear.put_on(image, matte, bald, donor(part, hidden=hidden), keep_below=keep_below)
        beside = hidden & ~FACE & ~SKULL & ~OWN_HAIR
        assert (new[beside] == NEW).all() == shows and (new_matte[beside] == 255 * shows).all()
        assert (worn[beside] == shows).all()
        np.testing.assert_array_equal(new[hidden & FACE & ~OWN_HAIR], image[hidden & FACE & ~OWN_HAIR])


def test_the_old_background_does_not_shine_between_face_and_hair():
    image, matte, bald = frame()
    rim = region(slice(62, 80), slice(29, 30))  # pixels that are half face, half background
    for picture, alpha in ((image, matte), (bald.image, bald.matte)):
        picture[rim], alpha[rim] = (SKIN + BACKGROUND) // 2, 128
    part, hidden = region(slice(30, 45), slice(28, 72)), region(slice(45, 80), slice(24, 76))
    new, new_matte, _, _ = headwear.put_on(image, matte, bald, donor(part, hidden=hidden), keep_below=False)
    np.testing.assert_array_equal(new[rim], np.broadcast_to(NEW, (rim.sum(), 3)))
    assert (new_matte[rim] == 255).all()
