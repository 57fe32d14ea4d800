"""The pictures of a video file as they are meant to be shown: upright, with square pixels, in standard dynamic range.

Matrix and range are FFmpeg's business, which does it well; the rest of what a container says is looked after here.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import av
import av.stream
import cv2
import numpy as np
from av.sidedata.sidedata import Type

from pegasus_jax.errors import UserError
from pegasus_jax.media import dynamic_range
from pegasus_jax.untrusted import files, limits

_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,flv,ogg,asf,h264,hevc,m4v,mxf,ivf,obu,dv"
)
_WITHIN_THE_FILE = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
_BYTES_PER_PIXEL = 3
_DEFAULT_RATE = 25.0
_SQUARE = 0.002  # relative difference of a pixel's sides that nobody sees


def decode(path: str | os.PathLike, *, told: Callable[[str], None]) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the time in seconds, from an origin of the file's own, and the picture (H, W, 3) uint8 of every frame.

    What a viewer of the clip would not see is told in sentences at the end: damaged frames are left out.

    Raises:
        UserError: there is no such file, or it is no video.
    """
    try:
        with _opened(path) as container:
            stream = _clip(container, path, told)
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or _DEFAULT_RATE)
            lost, interlaced = [0], False
            for shown, frame in enumerate(_frames(container, stream, lost)):
                yield shown / rate if frame.time is None else frame.time, _as_shown(frame, stream)
                interlaced |= frame.interlaced_frame
            if lost[0]:
                told(f"{path}: {lost[0]} damaged packets or frames were left out.")
            if interlaced:
                told(
                    f"{path} is interlaced, which shows as combs where the head moves; deinterlace it for more detail."
                )
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"{path} cannot be read as a video ({error.strerror}); is the file complete?") from error


def frame_rate(path: str | os.PathLike) -> float:
    """The average number of frames in a second.

    Raises:
        UserError: see `decode`.
    """
    return _header(path, lambda container, stream: float(stream.average_rate or stream.guessed_rate or _DEFAULT_RATE))


def count_frames(path: str | os.PathLike) -> int:
    """About how many frames a video has, from its header alone.

    Raises:
        UserError: see `decode`.
    """

    def count(container: Any, stream: av.VideoStream) -> int:
        seconds = float((container.duration or 0) / av.time_base)
        return stream.frames or round(seconds * float(stream.average_rate or _DEFAULT_RATE))

    return _header(path, count)


def _header(path: str | os.PathLike, look: Callable[[Any, av.VideoStream], Any]) -> Any:
    try:
        with _opened(path) as container:
            return look(container, _clip(container, path, lambda text: None))
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"{path} cannot be read as a video ({error.strerror}); is the file complete?") from error


def _opened(path: str | os.PathLike) -> Any:
    """The container in a file; of kinds alone that lead to no other file or address, as playlists do."""
    files.check_regular(path)
    # Tags are whatever the one who wrote them had: only the pictures matter.
    return av.open(os.fspath(path), metadata_errors="replace", options=_WITHIN_THE_FILE)


def _clip(container: Any, path: str | os.PathLike, told: Callable[[str], None]) -> av.VideoStream:
    """Of several video streams the one that players show: covers are none, the default goes first, then the largest."""
    covers = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        raise UserError(f"{path} has no video in it; give a video file such as .mp4 or .mov.")

    def rank(stream: av.VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & av.stream.Disposition.default), stream.width * stream.height

    best = max(streams, key=rank)
    limits.check_picture((best.height, best.width), bytes_per_pixel=_BYTES_PER_PIXEL, source=path)
    if len(streams) > 1:
        told(f"{path} has {len(streams)} videos in it; the one of {best.width}x{best.height} pixels is taken.")
    return best


def _frames(container: Any, stream: av.VideoStream, lost: list[int]) -> Iterator[av.VideoFrame]:
    """What can be decoded; `lost[0]` counts what cannot."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:  # behind the place where a file is cut nothing comes any more
            lost[0] += 1
            return
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            lost[0] += 1
            continue
        for frame in frames:
            if frame.is_corrupt:
                lost[0] += 1
            else:
                yield frame


def _as_shown(frame: av.VideoFrame, stream: av.VideoStream) -> np.ndarray:
    """(H, W, 3) uint8."""
    if dynamic_range.is_standard(frame.color_trc, frame.color_primaries):
        image = frame.to_ndarray(format="rgb24")
    else:
        deep = frame.to_ndarray(format="rgb48le")
        image = dynamic_range.to_standard(deep, transfer=frame.color_trc, primaries=frame.color_primaries)
    return np.ascontiguousarray(_turned(_with_square_pixels(image, stream.sample_aspect_ratio), frame))


def _with_square_pixels(image: np.ndarray, aspect: Any) -> np.ndarray:
    """`aspect` is the width of a stored pixel over its height; the longer side is kept as it is stored."""
    ratio = float(aspect or 1.0)
    if ratio <= 0 or abs(ratio - 1.0) < _SQUARE:
        return image
    height, width = image.shape[:2]
    size = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def _turned(image: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Upright, by the display matrix: x' = a x + c y, y' = b x + d y, with x to the right and y down."""
    sides: Any = frame.side_data
    matrix = next((side for side in sides if side.type == Type.DISPLAYMATRIX), None)
    if matrix is None:
        return image
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, a, d = image.swapaxes(0, 1), c, b
    return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
