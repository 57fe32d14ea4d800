"""Headers and channels, against OpenCV's own encoders."""

import cv2
import numpy as np
import pytest

from pegasus_jax.data import pictures
from pegasus_jax.errors import UserError
from tests.data import examples


@pytest.mark.parametrize(
    ("suffix", "channels", "has_alpha"), [(".png", 1, False), (".png", 3, False), (".png", 4, True), (".jpg", 3, False)]
)
def test_headers(tmp_path, suffix, channels, has_alpha):
    picture = examples.rgba(1)[..., :channels] if channels > 1 else examples.rgba(1)[..., 0]
    examples.save(tmp_path / f"a{suffix}", picture)
    found = pictures.header(tmp_path / f"a{suffix}")
    assert (found.size, found.has_alpha) == (examples.SIZE, has_alpha)


def test_jpegs_of_any_kind(tmp_path):
    """Progressive ones, restart markers, a comment as long as segments get, padding before a marker."""
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    _, encoded = cv2.imencode(".jpg", examples.rgba(1)[..., :3], options)
    content = encoded.tobytes()
    comment = b"\xff\xfe\xff\xff" + b"\xff\xc0" * 32766 + b"x"
    (tmp_path / "a.jpg").write_bytes(content[:2] + comment + b"\xff\xff" + content[2:])
    assert pictures.header(tmp_path / "a.jpg").size == examples.SIZE
    assert pictures.read_rgb(tmp_path / "a.jpg", image_size=examples.SIZE).shape == (*examples.SIZE, 3)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\x00", b"\x89PNG\r\n\x1a\n"])
def test_no_picture(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png is not a PNG or JPEG picture"):
        pictures.header(tmp_path / "a.png")


def test_alpha_of_16_bits(tmp_path):
    picture = examples.rgba(2).astype(np.uint16) * 257
    assert cv2.imwrite(str(tmp_path / "a.png"), picture)
    alpha = pictures.decode_alpha(tmp_path / "a.png")
    np.testing.assert_array_equal(alpha, picture[..., 3])
    np.testing.assert_array_equal(pictures.to_8_bits(alpha), examples.rgba(2)[..., 3])


def test_no_alpha(tmp_path):
    examples.save(tmp_path / "a.png", examples.rgba(2)[..., :3])
    with pytest.raises(UserError, match=r"a\.png has no alpha channel"):
        pictures.decode_alpha(tmp_path / "a.png")
