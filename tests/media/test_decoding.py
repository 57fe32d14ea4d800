"""Clips whose containers say how their pixels are meant to be shown, made here."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.media import count_frames, decoding

_BT709, _BT601, _BT2020, _HLG, _PQ = 1, 6, 9, 18, 16
_LIMITED, _FULL = 1, 2
_SKIN = (0.8, 0.5, 0.35)
_LUMA = {_BT709: (0.2126, 0.0722), _BT601: (0.299, 0.114), _BT2020: (0.2627, 0.0593)}


def _coded(rgb, matrix, *, full=False, bits=8):
    """Y'CbCr of R'G'B' by H.273."""
    (red, green, blue), (kr, kb) = rgb, _LUMA[matrix]
    y = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = np.array([(blue - y) / (2 - 2 * kb), (red - y) / (2 - 2 * kr)])
    unit = 2 ** (bits - 8)
    if full:
        return [round(y * (2**bits - 1)), *np.round(chroma * (2**bits - 1) + 128 * unit).astype(int)]
    return [round((16 + 219 * y) * unit), *np.round((128 + 224 * chroma) * unit).astype(int)]


def _flat(values, pixels, size):
    frame = av.VideoFrame(size[1], size[0], pixels)
    kind = np.uint16 if "10" in pixels else np.uint8
    for plane, value in zip(frame.planes, values):
        plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, value, kind).tobytes())
    return frame


def _write(path, frames, *, codec="ffv1", aspect=None, options=(), **tags):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = frames[0].height, frames[0].width, frames[0].format.name
        stream.options = dict(options)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for number, frame in enumerate(frames):
            frame.pts = number
            for name, value in tags.items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _read(path):
    told = []
    frames = [image for _, image in decoding.decode(path, told=told.append)]
    return frames, told


def _srgb(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("matrix", [_BT709, _BT601])
@pytest.mark.parametrize("range_", [_LIMITED, _FULL])
def test_matrix_and_range_are_honoured(tmp_path, matrix, range_):
    values = _coded(_SKIN, matrix, full=range_ == _FULL)
    tags = {"colorspace": matrix, "color_range": range_, "color_primaries": _BT709, "color_trc": _BT709}
    frames, told = _read(_write(tmp_path / "a.mkv", [_flat(values, "yuv444p", (16, 16))], **tags))
    np.testing.assert_allclose(frames[0][8, 8], np.multiply(255, _SKIN), atol=3)
    assert not told


@pytest.mark.parametrize("signal", [0.2, 0.35, 0.5, 0.6])
def test_hlg_is_shown_as_bt_2100_says_below_the_knee(tmp_path, signal):
    values = _coded((signal,) * 3, _BT2020, bits=10)
    tags = {"colorspace": _BT2020, "color_range": _LIMITED, "color_primaries": _BT2020, "color_trc": _HLG}
    frames, _ = _read(_write(tmp_path / "a.mkv", [_flat(values, "yuv420p10le", (16, 16))], **tags))
    scene = signal**2 / 3 if signal <= 0.5 else (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    np.testing.assert_allclose(frames[0][8, 8], _srgb(1000 * scene**1.2 / 203), atol=1.5)


def test_pq_is_shown_as_bt_2100_says_and_white_is_white(tmp_path):
    tags = {"colorspace": _BT2020, "color_range": _LIMITED, "color_primaries": _BT2020, "color_trc": _PQ}
    for code, expected in ((0.3612, _srgb(20.0 / 203)), (0.9, 255.0), (0.0, 0.0)):  # SMPTE ST 2084: 20 cd/m² is 0.3612
        frame = _flat(_coded((code,) * 3, _BT2020, bits=10), "yuv420p10le", (16, 16))
        frames, _ = _read(_write(tmp_path / "a.mkv", [frame], **tags))
        np.testing.assert_allclose(frames[0][8, 8], expected, atol=2)


def test_wide_gamut_is_converted(tmp_path):
    # BT.709's red in BT.2020 by ITU-R BT.2087, table 2
    red = (_srgb(np.array([0.6274, 0.0691, 0.0164])) / 255).tolist()
    tags = {"colorspace": _BT2020, "color_range": _LIMITED, "color_primaries": _BT2020, "color_trc": _BT709}
    frames, _ = _read(_write(tmp_path / "a.mkv", [_flat(_coded(red, _BT2020), "yuv444p", (16, 16))], **tags))
    assert frames[0][8, 8, 0] >= 252 and frames[0][8, 8, 1:].max() <= 25


@pytest.mark.parametrize("aspect, size", [(Fraction(4, 3), (48, 85)), (Fraction(1, 2), (96, 64))])
def test_pixels_become_square(tmp_path, aspect, size):
    path = _write(tmp_path / "a.mkv", [_flat([90, 128, 128], "yuv420p", (48, 64))], codec="mpeg4", aspect=aspect)
    frames, _ = _read(path)
    assert frames[0].shape == (*size, 3)


def _orient(path, a, b, c, d):
    """Writes the linear part of a display matrix into the track's header (version 0)."""
    data = bytearray(path.read_bytes())
    where = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, where, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "matrix, corner, size",
    [
        ((1, 0, 0, 1), "upper left", (48, 64)),
        ((-1, 0, 0, 1), "upper right", (48, 64)),  # mirrored, as front cameras do
        ((1, 0, 0, -1), "lower left", (48, 64)),
        ((-1, 0, 0, -1), "lower right", (48, 64)),
        ((0, 1, -1, 0), "upper right", (64, 48)),  # a quarter turn clockwise
        ((0, -1, 1, 0), "lower left", (64, 48)),
        ((0, 1, 1, 0), "upper left", (64, 48)),  # and transposed
        ((0, -1, -1, 0), "lower right", (64, 48)),
    ],
)
def test_pictures_are_turned_and_mirrored_as_the_display_matrix_says(tmp_path, matrix, corner, size):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    _orient(_write(tmp_path / "a.mp4", [frame], codec="mpeg4"), *matrix)
    (image,), _ = _read(tmp_path / "a.mp4")
    assert image.shape[:2] == size
    vertical, horizontal = corner.split()
    bright = image[4 if vertical == "upper" else -4, 4 if horizontal == "left" else -4]
    assert bright.min() > 200 and image.mean() < 90, "one quarter is white"


def test_tags_in_any_encoding_do_not_matter(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        container.metadata["comment"] = "Cafe_"
        stream = container.add_stream("mpeg4", rate=25)
        stream.height = stream.width = 16
        container.mux(stream.encode(_flat([90, 128, 128], "yuv420p", (16, 16))))
        container.mux(stream.encode())
    content = (tmp_path / "a.mp4").read_bytes()
    assert b"Cafe_" in content
    (tmp_path / "a.mp4").write_bytes(content.replace(b"Cafe_", b"Caf\xe9\xff"))
    assert len(_read(tmp_path / "a.mp4")[0]) == count_frames(tmp_path / "a.mp4") == 1


def test_of_two_videos_the_larger_is_the_clip(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams = []
        for side in (16, 32):
            stream = container.add_stream("ffv1", rate=25)
            stream.height = stream.width = side
            stream.pix_fmt = "yuv420p"
            streams.append(stream)
        for stream in streams:
            frame = _flat([90, 128, 128], "yuv420p", (stream.height, stream.width))
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    frames, told = _read(tmp_path / "a.mkv")
    assert [frame.shape for frame in frames] == [(32, 32, 3)]
    assert told == [f"{tmp_path}/a.mkv has 2 videos in it; the one of 32x32 pixels is taken."]


def test_a_damaged_packet_costs_its_frames_alone(tmp_path):
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(10)]
    frames = [av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures]
    path = _write(tmp_path / "a.mov", frames, codec="png")
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    whole = path.read_bytes()
    path.write_bytes(whole.replace(packets[4], bytes(len(packets[4]))))
    found, told = _read(path)
    assert len(found) == 9 and told == [f"{path}: 1 damaged packets or frames were left out."]
    np.testing.assert_array_equal(found, pictures[:4] + pictures[5:])


def test_what_is_no_video_is_one_sentence(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    for path, sentence in (("a.mp4", "a.mp4 cannot be read as a video"), ("b.mp4", "b.mp4 is missing")):
        for read in (_read, count_frames, decoding.frame_rate):
            with pytest.raises(UserError, match=sentence):
                read(tmp_path / path)
