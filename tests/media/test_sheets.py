import numpy as np
import pytest

from pegasus_jax import media


def test_a_contact_sheet_shows_every_picture_once():
    red = np.zeros((16, 24, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    rows = [[red, np.full((16, 24), 0.5)], [np.zeros((16, 24, 3))]]
    sheet = media.contact_sheet(rows, gap=3)
    assert sheet.shape == (3 + 2 * 19, 3 + 2 * 27, 3)
    np.testing.assert_array_equal(sheet[3:19, 3:27], red)
    assert (sheet[3:19, 30:54] == 128).all()
    assert (sheet[22:38, 3:27] == 0).all()
    assert (sheet[22:38, 30:54] == 255).all(), "a missing picture stays white"
    assert (sheet == 255).all(axis=2).sum() == sheet[..., 0].size - 3 * 16 * 24


def test_labels_make_room_and_leave_the_pictures_alone():
    black = np.zeros((32, 48, 3), np.uint8)
    plain = media.contact_sheet([[black, black]])
    labelled = media.contact_sheet([[black, black]], labels=["truth", "a long label"], row_labels=["f1"])
    assert labelled.shape[0] > plain.shape[0] and labelled.shape[1] > plain.shape[1]
    assert (labelled == 0).all(axis=2).sum() == 2 * 32 * 48
    assert (labelled[:16] < 128).any(), "the labels are drawn"


def test_pictures_of_several_sizes_are_refused():
    with pytest.raises(ValueError, match=r"one size; got \[\(4, 4\), \(5, 4\)\]"):
        media.contact_sheet([[np.zeros((4, 4)), np.zeros((5, 4))]])
    with pytest.raises(ValueError, match="got none"):
        media.contact_sheet([[]])
