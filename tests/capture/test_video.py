import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from pegasus_jax.capture.video import read_frames, source_sha256
from pegasus_jax.errors import UserError


def _write_video(path, *, num_frames=10, times_ms=None, size=(48, 64)):
    """Grey frames with a white upper left corner; frame i is i * 10 bright elsewhere."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for i in range(num_frames):
            picture = np.full((*size, 3), 10 * i, np.uint8)
            picture[: size[0] // 2, : size[1] // 2] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = times_ms[i] if times_ms else round(i * 1000 / 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _rotate_clockwise(path):
    """Phones store a portrait clip as a landscape one with this matrix in its track header."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: times, id, layer and volume come before
    assert struct.unpack_from(">9i", data, matrix) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, matrix, 0, 65536, 0, -65536, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(data)


def test_frames_come_in_order_with_their_times(tmp_path):
    _write_video(tmp_path / "a.mp4")
    frames = list(read_frames(tmp_path / "a.mp4"))
    assert [frame.index for frame in frames] == list(range(10))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(10) / 30, atol=2e-3)
    assert frames[0].image.shape == (48, 64, 3) and frames[0].image.dtype == np.uint8
    np.testing.assert_allclose([frame.image[-4, -4].mean() for frame in frames], 10 * np.arange(10), atol=4)


def test_rotation_metadata_turn_the_picture_upright(tmp_path):
    _write_video(tmp_path / "a.mp4")
    _rotate_clockwise(tmp_path / "a.mp4")
    image = next(read_frames(tmp_path / "a.mp4")).image
    assert image.shape == (64, 48, 3)
    assert image[4, -4].mean() > 200 > 50 > image[4, 4].mean()  # upper left went to the upper right


def test_max_frames_ends_the_clip(tmp_path):
    _write_video(tmp_path / "a.mp4")
    assert [frame.index for frame in read_frames(tmp_path / "a.mp4", max_frames=3)] == [0, 1, 2]


def test_fps_thins_by_time_even_when_the_frame_rate_varies(tmp_path):
    # Twice as dense in its second half.
    _write_video(tmp_path / "a.mp4", times_ms=[0, 100, 200, 300, 400, 450, 500, 550, 600, 650])
    kept = [frame.time for frame in read_frames(tmp_path / "a.mp4", fps=10)]
    np.testing.assert_allclose(kept, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], atol=2e-3)


def test_fps_above_the_clips_own_keeps_every_frame(tmp_path):
    _write_video(tmp_path / "a.mp4")
    assert len(list(read_frames(tmp_path / "a.mp4", fps=120))) == 10


def test_a_folder_of_images_is_read_in_numerical_order(tmp_path):
    for number in (10, 9, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 6, 3), number, np.uint8))
    frames = list(read_frames(tmp_path))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 9, 10]
    assert frames[1].time == pytest.approx(1 / 25)


def test_the_sources_hash_follows_its_content(tmp_path):
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 6, 3), number, np.uint8))
    before = source_sha256(tmp_path)
    assert len(before) == 64 and before == source_sha256(tmp_path)
    cv2.imwrite(str(tmp_path / "2.png"), np.full((8, 6, 3), 3, np.uint8))
    assert source_sha256(tmp_path) != before


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"There is no video or folder of images at .*nowhere.mp4"):
        read_frames(tmp_path / "nowhere.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(UserError, match=r"text.mp4 cannot be read as a video"):
        list(read_frames(tmp_path / "text.mp4"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no readable pictures"):
        list(read_frames(tmp_path / "empty"))
    (tmp_path / "empty" / "1.png").write_bytes(b"no png")
    with pytest.raises(UserError, match=r"1.png cannot be read as an image, nor any other picture .*; save them again"):
        list(read_frames(tmp_path / "empty"))


def test_what_is_no_picture_among_pictures_is_left_out_and_told(tmp_path):
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number}.PNG"), np.full((8, 6, 3), number, np.uint8))
    (tmp_path / "._1.PNG").write_bytes(b"what a Mac keeps")
    (tmp_path / "4.png").mkdir()
    (tmp_path / "5.png").write_bytes(b"")
    (tmp_path / "6.HEIC").write_bytes(b"ftypheic")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    told = []
    assert [int(frame.image[0, 0, 0]) for frame in read_frames(tmp_path, told=told.append)] == [1, 2, 3]
    (sentence,) = told
    assert sentence.endswith("3 pictures cannot be read and are left out, such as 4.png; convert them to JPEG or PNG.")


@pytest.mark.parametrize("kind", ["16 bits", "grey", "grey and alpha", "palette and transparent", "cmyk", "turned"])
def test_pictures_of_every_kind_show_the_same_colour(tmp_path, kind):
    rgb = np.full((8, 6, 3), (200, 120, 60), np.uint8)
    rgb[4:] = 120
    if kind == "16 bits":
        cv2.imwrite(str(tmp_path / "1.png"), rgb[..., ::-1].astype(np.uint16) * 257)
    elif kind == "turned":
        exif = Image.Exif()
        exif[0x112] = 3  # by 180 degrees
        Image.fromarray(rgb[::-1, ::-1]).save(tmp_path / "1.jpg", quality=100, subsampling=0, exif=exif)
    elif kind == "cmyk":
        Image.fromarray(rgb).convert("CMYK").save(tmp_path / "1.jpg", quality=100, subsampling=0)
    elif kind == "palette and transparent":
        palette = Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE)
        palette.save(tmp_path / "1.png", transparency=palette.getpixel((0, 0)))
        rgb[:4] = 255  # over white
    else:
        rgb = np.repeat(rgb[..., 1:2], 3, axis=2)
        Image.fromarray(rgb[..., 0]).convert("LA" if "alpha" in kind else "L").save(tmp_path / "1.png")
    (frame,) = read_frames(tmp_path)
    np.testing.assert_allclose(frame.image.astype(int), rgb, atol=4)


def test_pictures_of_different_sizes_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((8, 7, 3), np.uint8))
    with pytest.raises(UserError, match=r"Picture 2 of .* is 7x8 but the first is 6x8"):
        list(read_frames(tmp_path))


@pytest.mark.parametrize(("option", "text"), [({"max_frames": 0}, "max_frames must be"), ({"fps": 0.0}, "fps must be")])
def test_senseless_options_are_refused(tmp_path, option, text):
    with pytest.raises(UserError, match=text):
        read_frames(tmp_path, **option)
