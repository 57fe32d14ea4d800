import cv2
import numpy as np
import pytest
from PIL import Image

from pegasus_jax import media
from pegasus_jax.errors import UserError


def test_images_are_written_as_given(tmp_path):
    image = np.random.default_rng(0).random((7, 5, 3)).astype(np.float32)
    media.write_image(tmp_path / "a.png", image, disclosure=None)
    read = cv2.imread(str(tmp_path / "a.png"))[..., ::-1]
    np.testing.assert_array_equal(read, np.round(image * 255))
    media.write_image(tmp_path / "grey.png", image[..., 0], disclosure=None)
    assert np.ptp(cv2.imread(str(tmp_path / "grey.png")), axis=2).max() == 0


def test_an_unknown_picture_format_is_named(tmp_path):
    with pytest.raises(UserError, match=r"must end in \.png or \.jpg"):
        media.write_image(tmp_path / "a.xyz", np.zeros((4, 4, 3)), disclosure=None)


def test_straight_alpha_is_kept_where_the_format_has_it(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    media.write_image(tmp_path / "a.png", image, disclosure=None)
    with Image.open(tmp_path / "a.png") as read:
        assert read.mode == "RGBA"
        np.testing.assert_array_equal(read, image)
    with pytest.raises(ValueError, match=r"a picture with alpha must be a \.png; got \.jpg"):
        media.write_image(tmp_path / "a.jpg", image, disclosure=None)
    with pytest.raises(ValueError, match=r"\(H, W, 4\); got \(6, 4, 5\)"):
        media.write_image(tmp_path / "a.png", np.zeros((6, 4, 5)), disclosure=None)
