"""What files say of themselves, read back by Pillow, by FFmpeg, and by an XML parser."""

import xml.etree.ElementTree as ElementTree

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from pegasus_jax import media
from pegasus_jax.data import pictures
from pegasus_jax.version import VERSION

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
TOOL = "{http://ns.adobe.com/xap/1.0/}CreatorTool"
ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
LOOK = "me with hair:hair/Zoë & <b>"
MADE = media.rendered(LOOK)
PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def check(packet: bytes | str) -> None:
    """An XMP packet names the source type, our version and the look."""
    text = packet.decode() if isinstance(packet, bytes) else packet
    assert text.startswith("<?xpacket begin=") and text.endswith("?>")
    tree = ElementTree.fromstring(text)
    assert tree.find(f".//{SOURCE_TYPE}").text == TRAINED
    assert tree.find(f".//{TOOL}").text == f"PEGASUS-JAX {VERSION}"
    assert LOOK in tree.find(f".//{ITEM}").text


def test_a_png_says_how_it_came_to_be(tmp_path):
    media.write_image(tmp_path / "a.png", PICTURE, disclosure=MADE)
    with Image.open(tmp_path / "a.png") as read:
        read.load()
        check(read.text["XML:com.adobe.xmp"])
        assert read.text["Software"] == f"PEGASUS-JAX {VERSION}"
        assert read.text["Description"].startswith("Synthetic, not a recording") and LOOK in read.text["Description"]
        np.testing.assert_array_equal(read, PICTURE)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], PICTURE)


def test_a_jpeg_says_how_it_came_to_be(tmp_path):
    media.write_image(tmp_path / "a.jpg", PICTURE, disclosure=MADE)
    media.write_image(tmp_path / "plain.jpg", PICTURE, disclosure=None)
    with Image.open(tmp_path / "a.jpg") as read, Image.open(tmp_path / "plain.jpg") as plain:
        assert "jfif" in read.info, "JFIF's segment is still the first"
        check(read.info["xmp"])
        assert "xmp" not in plain.info
        np.testing.assert_array_equal(read, plain)


@pytest.mark.parametrize("suffix, channels", [(".mp4", 3), (".mov", 4), (".webm", 4)])
def test_a_video_says_how_it_came_to_be(tmp_path, suffix, channels):
    path = tmp_path / f"clip{suffix}"
    media.write_video(path, np.full((3, 32, 32, channels), 90, np.uint8), disclosure=MADE)
    with av.open(str(path), options={"export_xmp": "1"} if suffix != ".webm" else {}) as container:
        tags = {name.lower(): value for name, value in container.metadata.items()}
        assert len(list(container.decode(video=0))) == 3
    assert LOOK in tags["comment"] and TRAINED in tags["comment"]
    if suffix == ".webm":
        assert tags["digital_source_type"] == TRAINED
    else:
        check(tags["xmp"])


def test_what_a_camera_took_says_nothing(tmp_path):
    media.write_image(tmp_path / "a.png", PICTURE, disclosure=None)
    media.write_video(tmp_path / "a.mp4", PICTURE[None], disclosure=None)
    pictures.write_png(tmp_path / "b.png", PICTURE)
    for path in tmp_path.iterdir():
        assert b"digitalsourcetype" not in path.read_bytes() and b"PEGASUS" not in path.read_bytes()


def test_the_three_source_types_are_terms_of_the_vocabulary():
    makers = (media.rendered, media.composed, media.drawn)
    terms = [make("x").source_uri.rpartition("/")[2] for make in makers]
    assert terms == ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"]


def test_words_that_metadata_cannot_hold_do_not_break_the_file(tmp_path):
    made = media.rendered("line\nbreak \x00 \ud800 ]]> " + "long " * 100_000)
    media.write_image(tmp_path / "a.png", PICTURE, disclosure=made)
    media.write_image(tmp_path / "a.jpg", PICTURE, disclosure=made)
    with Image.open(tmp_path / "a.png") as png, Image.open(tmp_path / "a.jpg") as jpeg:
        png.load()
        for packet in (png.text["XML:com.adobe.xmp"].encode(), jpeg.info["xmp"]):
            assert "line break" in ElementTree.fromstring(packet).find(f".//{ITEM}").text
