"""Writing videos through PyAV.

`.mp4` is H.264 in the one form that every browser plays: yuv420p, even sides, index in front. Two kinds keep an alpha
channel: `.webm` (VP9) for browsers, `.mov` (ProRes 4444) for video editors.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping
from fractions import Fraction

import av
import numpy as np

from pegasus_jax import atomic
from pegasus_jax.errors import UserError
from pegasus_jax.media.disclosure import Disclosure
from pegasus_jax.media.marks import mp4_box, video_tags

_BT709 = 1  # the number of ITU-R BT.709 in H.264's tables of primaries, transfer curves and matrices
_ARRAYS = {3: "rgb24", 4: "rgba"}  # FFmpeg's names of arrays by their number of channels


@dataclasses.dataclass(frozen=True)
class _Coding:
    codec: str
    pixels: str  # FFmpeg's name of the stored format
    channels: int  # of the frames that go in
    options: Mapping[str, str]  # the codec's
    container: Mapping[str, str] = dataclasses.field(default_factory=dict)  # the muxer's options


def _codings(crf: int) -> dict[str, _Coding]:
    """How each kind of file is encoded; its name without the dot is FFmpeg's name of the container."""
    return {
        ".mp4": _Coding("libx264", "yuv420p", 3, {"crf": f"{crf}", "preset": "medium"}, {"movflags": "+faststart"}),
        ".webm": _Coding("libvpx-vp9", "yuva420p", 4, {"crf": f"{crf}", "b": "0", "cpu-used": "4", "row-mt": "1"}),
        ".mov": _Coding("prores_ks", "yuva444p10le", 4, {"profile": "4"}),
    }


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    *,
    disclosure: Disclosure | None,
    fps: float = 25.0,
    crf: int = 18,
) -> None:
    """Writes a video in the format of the suffix; odd sides are padded by repeating the last row or column.

    Args:
        path: where to; replaced only once the video is complete.
        frames: uint8 each, all of one size, (H, W, 3) for .mp4, (H, W, 4) with straight alpha for .webm and .mov; any
            iterable, so that they need not fit in memory.
        disclosure: what the file says of how it came to be; None: a camera took it.
        fps: frames per second.
        crf: quality of .mp4, from 0 (lossless) to 51, and of .webm, to 63; 18 looks like the original.

    Raises:
        UserError: there are no frames, the suffix names no format, or the disk is full.
        ValueError: a frame has another shape or dtype, or differs in size from the first.
    """
    suffix = pathlib.Path(path).suffix.lower()
    coding = _codings(crf).get(suffix)
    if coding is None:
        raise UserError(f"{path} must end in .mp4, .webm or .mov.")
    with atomic.file(path) as temporary:
        options = dict(coding.container)
        with av.open(str(temporary), "w", format=suffix[1:], options=options) as container:
            if disclosure:
                container.metadata.update(video_tags(disclosure))
            if not _encode(container, coding, frames, Fraction(fps).limit_denominator(1001)):
                raise UserError(f"There are no frames to write to {path}.")
        if disclosure and suffix == ".mp4":
            with open(temporary, "ab") as file:
                file.write(mp4_box(disclosure))


def _encode(container, coding: _Coding, frames: Iterable[np.ndarray], rate: Fraction) -> int:
    """How many frames went into the container."""
    stream, count = None, 0
    for image in frames:
        frame = av.VideoFrame.from_ndarray(_even(image, coding.channels), format=_ARRAYS[coding.channels])
        if stream is None:
            stream = _stream(container, coding, rate, (frame.height, frame.width))
        if (frame.height, frame.width) != (stream.height, stream.width):
            raise ValueError(f"all frames must have one size; got {image.shape} after the first.")
        container.mux(stream.encode(frame.reformat(format=coding.pixels, dst_colorspace="itu709")))
        count += 1
    if stream is not None:
        container.mux(stream.encode())
    return count


def _stream(container, coding: _Coding, rate: Fraction, size: tuple[int, int]):
    stream = container.add_stream(coding.codec, rate=rate)
    stream.height, stream.width = size
    stream.pix_fmt = coding.pixels
    stream.options = dict(coding.options)
    # Untagged video is BT.601 to some players and BT.709 to others: skin would change its tint between them.
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    return stream


def _even(image: np.ndarray, channels: int) -> np.ndarray:
    """`image` with even sides: yuv420p stores colour for blocks of 2×2 pixels."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != channels or image.dtype != np.uint8:
        raise ValueError(f"frames must be (H, W, {channels}) uint8; got {image.shape} {image.dtype}.")
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
