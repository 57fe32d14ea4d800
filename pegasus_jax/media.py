"""Videos and pictures. Images are (H, W, 3), sRGB: uint8, or float in [0, 1] where a function says so.

Videos are H.264 through PyAV, in the one form that every browser plays: yuv420p, even sides, index in front.
"""

import errno
import os
import pathlib
from collections.abc import Iterable, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from pegasus_jax import atomic
from pegasus_jax.errors import UserError

_BT709 = 1  # the number of ITU-R BT.709 in H.264's tables of primaries, transfer curves and matrices
_TEXT_HEIGHT = 18  # pixels
_INK = (40, 40, 40)


def read_video(path: str | os.PathLike, *, max_frames: int | None = None) -> tuple[np.ndarray, float]:
    """All frames of a video, turned upright as its rotation metadata say.

    Returns:
        `frames` (N, H, W, 3) uint8 and the average frame rate in 1/s.

    Raises:
        UserError: the file is missing, is no video, or holds no frames.
    """
    try:
        with av.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise UserError(f"{path} holds no video; give a video file such as .mp4 or .mov.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            fps = float(stream.average_rate or stream.guessed_rate or 25)
            frames: list[np.ndarray] = []
            for frame in container.decode(stream):
                if max_frames is not None and len(frames) >= max_frames:
                    break
                frames.append(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))
    except FileNotFoundError as error:
        raise UserError(f"There is no video at {path}; check the path.") from error
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(f"{path} can't be read as a video ({error.strerror}); is the file complete?") from error
    if not frames:
        raise UserError(f"{path} holds no readable frames; is the file complete?")
    return np.stack(frames), fps


def count_frames(path: str | os.PathLike) -> int:
    """About how many frames a video has, from its header alone.

    Raises:
        UserError: the file is missing or is no video.
    """
    if not pathlib.Path(path).is_file():
        raise UserError(f"There is no video file at {path}.")
    try:
        with av.open(os.fspath(path)) as container:
            stream = container.streams.video[0]
            seconds = float((container.duration or 0) / av.time_base)
            return stream.frames or round(seconds * float(stream.average_rate or 25))
    except (av.FFmpegError, IndexError) as error:
        raise UserError(f"{path} cannot be read as a video ({error}); convert it to .mp4 and try again.") from error


def write_video(path: str | os.PathLike, frames: Iterable[np.ndarray], *, fps: float = 25.0, crf: int = 18) -> None:
    """Writes H.264 that browsers play; odd sides are padded by repeating the last row or column.

    Args:
        path: where to; replaced only once the video is complete.
        frames: (H, W, 3) uint8 each, all of one size; any iterable, so that they need not fit in memory.
        fps: frames per second.
        crf: x264's quality, from 0 (lossless) to 51; 18 looks like the original.

    Raises:
        UserError: there are no frames, or the disk is full.
        ValueError: a frame is not (H, W, 3) uint8, or differs in size from the first.
    """
    rate = Fraction(fps).limit_denominator(1001)
    options = {"movflags": "+faststart"}
    stream = None
    with (
        atomic.file(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options=options) as container,
    ):
        for image in frames:
            frame = av.VideoFrame.from_ndarray(_even(image), format="rgb24")
            if stream is None:
                stream = _h264_stream(container, rate, (frame.height, frame.width), crf)
            if (frame.height, frame.width) != (stream.height, stream.width):
                raise ValueError(f"all frames must have one size; got {image.shape} after the first.")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="itu709")))
        if stream is None:
            raise UserError(f"There are no frames to write to {path}.")
        container.mux(stream.encode())


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Writes (H, W) or (H, W, 3), uint8 or float in [0, 1], in the format of the suffix (.png, .jpg).

    Raises:
        UserError: the suffix names no format, or the disk is full.
        ValueError: the array is no image.
    """
    suffix = pathlib.Path(path).suffix
    if not suffix or not cv2.haveImageWriter(f"picture{suffix}"):
        raise UserError(f"{path} must end in .png or .jpg.")
    with atomic.file(path) as temporary:
        if not cv2.imwrite(os.fspath(temporary), _to_uint8_rgb(image)[..., ::-1]):
            raise OSError(errno.ENOSPC, "the picture could not be written", os.fspath(path))


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    labels: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    gap: int = 4,
) -> np.ndarray:
    """Pictures in a grid on white.

    Args:
        rows: images, (H, W) or (H, W, 3), uint8 or float in [0, 1], all of one size, rows of any length.
        labels: what stands above each column.
        row_labels: what stands left of each row.
        gap: pixels between pictures.

    Returns:
        (H', W', 3) uint8.

    Raises:
        ValueError: there are no pictures, or they differ in size.
    """
    pictures = [[_to_uint8_rgb(image) for image in row] for row in rows]
    sizes = {image.shape[:2] for row in pictures for image in row}
    if len(sizes) != 1:
        raise ValueError(f"a contact sheet needs pictures of one size; got {sorted(sizes) or 'none'}.")
    height, width = sizes.pop()
    top = _TEXT_HEIGHT + gap if labels else gap
    left = gap + max((_text_width(text) + gap for text in row_labels), default=0)
    columns = max(len(row) for row in pictures)
    sheet_size = (top + len(rows) * (height + gap), left + columns * (width + gap), 3)
    sheet = np.full(sheet_size, 255, np.uint8)
    for i, row in enumerate(pictures):
        for j, image in enumerate(row):
            y, x = top + i * (height + gap), left + j * (width + gap)
            sheet[y : y + height, x : x + width] = image
    for j, text in enumerate(labels[:columns]):
        _put_text(sheet, text, (left + j * (width + gap), _TEXT_HEIGHT - 4), width)
    for i, text in enumerate(row_labels[: len(rows)]):
        _put_text(sheet, text, (gap, top + i * (height + gap) + height // 2), left)
    return sheet


def _h264_stream(container, rate: Fraction, size: tuple[int, int], crf: int):
    stream = container.add_stream("libx264", rate=rate)
    stream.height, stream.width = size
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": str(crf), "preset": "medium"}
    # Untagged video is BT.601 to some players and BT.709 to others: skin would change its tint between them.
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    return stream


def _even(image: np.ndarray) -> np.ndarray:
    """`image` with even sides: yuv420p stores colour for blocks of 2×2 pixels."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"frames must be (H, W, 3) uint8; got {image.shape} {image.dtype}.")
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _to_uint8_rgb(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image must be (H, W) or (H, W, 3); got {image.shape}.")
    if image.dtype == np.uint8:
        return image
    return np.round(np.clip(np.nan_to_num(image.astype(np.float32)), 0, 1) * 255).astype(np.uint8)


def _text_width(text: str) -> int:
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]


def _put_text(sheet: np.ndarray, text: str, origin: tuple[int, int], width: int) -> None:
    """Writes `text` with its lower left corner at `origin` (x, y), shrunk to `width` pixels."""
    scale = 0.42 * min(1.0, width / max(_text_width(text), 1))
    cv2.putText(sheet, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
