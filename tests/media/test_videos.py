import functools

import av
import numpy as np
import pytest

from pegasus_jax import media
from pegasus_jax.errors import UserError

write_video = functools.partial(media.write_video, disclosure=None)


def _gradient_frames(count: int, height: int, width: int) -> np.ndarray:
    """Smooth colour ramps whose red level tells the frame's index."""
    y, x = np.mgrid[:height, :width]
    ramp = np.stack([np.zeros_like(x), 255 * x / width, 255 * y / height], axis=-1)
    return np.stack([ramp + np.array([40 * i, 0, 0]) for i in range(count)]).astype(np.uint8)


def test_a_written_video_reads_back_in_its_colours(tmp_path):
    frames = _gradient_frames(5, 64, 96)
    write_video(tmp_path / "a" / "clip.mp4", frames, fps=12.5, crf=1)
    read, fps = media.read_video(tmp_path / "a" / "clip.mp4")
    assert read.shape == frames.shape and read.dtype == np.uint8
    assert fps == 12.5
    # 4:2:0 chroma and rounding: worst mean 1.4 levels; a wrong colour matrix costs more than 6.
    assert np.abs(read.astype(float) - frames).mean() < 2.5


def test_a_written_video_is_what_browsers_play(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, _gradient_frames(3, 33, 51))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.height, stream.width) == (34, 52)
        assert stream.codec_context.colorspace == 1
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "the index must come first to play while loading"


def test_odd_sides_are_padded_with_their_neighbours(tmp_path):
    write_video(tmp_path / "clip.mp4", np.full((2, 31, 33, 3), 200, np.uint8))
    read, _ = media.read_video(tmp_path / "clip.mp4")
    assert read.shape == (2, 32, 34, 3)
    assert np.abs(read.astype(int) - 200).max() <= 3


def test_frames_may_come_from_a_generator_and_reading_may_stop_early(tmp_path):
    write_video(tmp_path / "clip.mp4", (frame for frame in _gradient_frames(6, 32, 32)))
    read, _ = media.read_video(tmp_path / "clip.mp4", max_frames=2)
    assert len(read) == 2
    assert read[1, :, :, 0].mean() > read[0, :, :, 0].mean() + 20


def test_a_phone_video_is_turned_upright(tmp_path):
    frames = np.zeros((2, 32, 64, 3), np.uint8)
    frames[:, :, 48:] = 255  # bright on the right
    write_video(tmp_path / "clip.mp4", frames)
    # ISO 14496-12: the track header's matrix; here x' = -y, y' = x, a quarter turn clockwise.
    identity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    clockwise = np.array([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    content = (tmp_path / "clip.mp4").read_bytes()
    header = content.index(b"tkhd")
    (tmp_path / "clip.mp4").write_bytes(content[:header] + content[header:].replace(identity, clockwise, 1))
    read, _ = media.read_video(tmp_path / "clip.mp4")
    assert read.shape == (2, 64, 32, 3)
    assert read[:, 52:].min() > 250 and read[:, :44].max() < 5, "right has become bottom"


def test_a_failed_video_leaves_the_old_one(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, _gradient_frames(2, 32, 32))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="all frames must have one size"):
        write_video(path, [np.zeros((32, 32, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    "frames, error, text",
    [
        ([], UserError, "no frames to write"),
        ([np.zeros((8, 8, 3))], ValueError, r"must be \(H, W, 3\) uint8; got \(8, 8, 3\) float64"),
        ([np.zeros((8, 8), np.uint8)], ValueError, r"got \(8, 8\) uint8"),
    ],
)
def test_frames_that_are_no_video_are_refused(tmp_path, frames, error, text):
    with pytest.raises(error, match=text):
        write_video(tmp_path / "clip.mp4", frames)
    assert not list(tmp_path.iterdir())


def test_what_is_no_video_is_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.mp4 is missing"):
        media.read_video(tmp_path / "absent.mp4")
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(UserError, match=r"text\.mp4 cannot be read as a video"):
        media.read_video(tmp_path / "text.mp4")
    with pytest.raises(UserError, match="is no regular file but a folder"):
        media.read_video(tmp_path)


def decoded(path, decoder: str) -> np.ndarray:
    """All frames (F, H, W, 4) uint8 by the decoder of that name."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = av.CodecContext.create(decoder, "r")
        codec.extradata = stream.codec_context.extradata
        frames = [frame for packet in container.demux(stream) for frame in codec.decode(packet)]
    return np.stack([frame.to_ndarray(format="rgba") for frame in frames])


def _faded(count: int) -> np.ndarray:
    """(count, 32, 48, 4): one colour, whose alpha grows from left to right and from frame to frame."""
    alpha = np.linspace(0, 255, 48)[None, None, :] * np.linspace(0.25, 1.0, count)[:, None, None]
    colour = np.broadcast_to([200.0, 60.0, 90.0], (count, 32, 48, 3))
    return np.concatenate([colour, np.repeat(alpha[..., None], 32, axis=1)], axis=-1).round().astype(np.uint8)


# FFmpeg's own VP9 decoder leaves the alpha out; libvpx decodes both of WebM's streams.
@pytest.mark.parametrize("suffix, decoder", [(".webm", "libvpx-vp9"), (".mov", "prores")])
def test_alpha_is_decoded_as_it_went_in(tmp_path, suffix, decoder):
    frames = _faded(3)
    write_video(tmp_path / f"clip{suffix}", frames)
    read = decoded(tmp_path / f"clip{suffix}", decoder).astype(int)
    assert read.shape == frames.shape
    assert np.abs(read[..., 3] - frames[..., 3]).max() <= 8, "a level of 6 at worst, seen here"
    assert np.abs(read[..., :3] - frames[..., :3]).max() <= 4


def test_a_video_without_alpha_is_no_webm(tmp_path):
    with pytest.raises(ValueError, match=r"must be \(H, W, 4\) uint8; got \(8, 8, 3\)"):
        write_video(tmp_path / "clip.webm", [np.zeros((8, 8, 3), np.uint8)])
    with pytest.raises(UserError, match=r"clip\.avi must end in \.mp4, \.webm or \.mov"):
        write_video(tmp_path / "clip.avi", [np.zeros((8, 8, 3), np.uint8)])
