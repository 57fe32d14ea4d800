"""Frames of a video file, or of a folder of images, one at a time and upright."""

import dataclasses
import hashlib
import pathlib
import re
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from pegasus_jax import progress
from pegasus_jax.errors import UserError
from pegasus_jax.media import decoding
from pegasus_jax.untrusted import files, picture_files

_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
_FOREIGN_SUFFIXES = {".heic", ".heif", ".hif", ".avif", ".dng", ".jxl"}  # pictures, but none that we can read
_IMAGE_FOLDER_FPS = 25.0
_TICK_TOLERANCE_S = 1e-4


@dataclasses.dataclass(frozen=True)
class Frame:
    """One picture of the clip."""

    index: int  # position among all pictures of the source, from 0
    time: float  # seconds from the clip's first picture
    image: np.ndarray  # (H, W, 3) uint8 RGB, upright


def read_frames(
    video: pathlib.Path,
    *,
    max_frames: int | None = None,
    fps: float | None = None,
    told: Callable[[str], None] = progress.note,
) -> Iterator[Frame]:
    """Yields the frames of `video`, a video file or a folder of images, in order of time.

    `fps` thins the clip to at most that rate by presentation time, so that variable frame rates come out even;
    `max_frames` then ends it early. Pictures are as they are meant to be shown (`media.decoding`); what cannot be read
    of a clip is left out, and told in sentences at its end. A folder counts as 25 frames a second.

    Raises:
        UserError: nothing readable is there, or pictures differ in size.
    """
    video = pathlib.Path(video)
    if max_frames is not None and max_frames < 1:
        raise UserError(f"max_frames must be at least 1; got {max_frames}.")
    if fps is not None and not fps > 0:
        raise UserError(f"fps must be positive; got {fps}.")
    if not video.exists():
        raise UserError(f"There is no video or folder of images at {video}.")
    source = _folder_frames(video, told) if video.is_dir() else _video_frames(video, told)
    return _select(_checked(source, video), max_frames, fps)


def source_sha256(video: pathlib.Path) -> str:
    """Hash of the video's bytes; for a folder, of its images' names and bytes in order."""
    video = pathlib.Path(video)
    if not video.is_dir():
        return files.sha256(video)
    digest = hashlib.sha256()
    for path in _image_paths(video):
        digest.update(f"{path.name}\0{files.sha256(path)}\n".encode())
    return digest.hexdigest()


def _select(frames: Iterator[Frame], max_frames: int | None, fps: float | None) -> Iterator[Frame]:
    kept = 0
    for frame in frames:
        if fps is not None and frame.time + _TICK_TOLERANCE_S < kept / fps:
            continue
        yield frame
        # After a gap the next tick follows the frame just kept, or a burst of frames would fill the gap's ticks.
        kept = kept + 1 if fps is None else max(kept, int(frame.time * fps + _TICK_TOLERANCE_S)) + 1
        if max_frames is not None:
            max_frames -= 1
            if max_frames == 0:
                return


def _checked(frames: Iterator[Frame], video: pathlib.Path) -> Iterator[Frame]:
    size = None
    for frame in frames:
        if size is not None and frame.image.shape != size:
            raise UserError(
                f"Picture {frame.index + 1} of {video} is {frame.image.shape[1]}x{frame.image.shape[0]} but the first "
                f"is {size[1]}x{size[0]}: all pictures of a clip must have one size."
            )
        size = frame.image.shape
        yield frame
    if size is None:
        raise UserError(f"{video} holds no readable pictures.")


def _video_frames(video: pathlib.Path, told: Callable[[str], None]) -> Iterator[Frame]:
    start = None
    for index, (seconds, image) in enumerate(decoding.decode(video, told=told)):
        start = seconds if start is None else start
        yield Frame(index, seconds - start, image)


def _folder_frames(folder: pathlib.Path, told: Callable[[str], None]) -> Iterator[Frame]:
    index, unread = 0, [path for path in _pictures(folder) if not files.is_regular(path)]
    for path in _image_paths(folder):
        image = _read_image(path)
        if image is None:
            unread.append(path)
            continue
        yield Frame(index, index / _IMAGE_FOLDER_FPS, image)
        index += 1
    if not unread:
        return
    advice = "convert them to JPEG or PNG" if any(_is_foreign(path) for path in unread) else "save them again"
    if not index:
        raise UserError(f"{unread[0]} cannot be read as an image, nor any other picture of its folder; {advice}.")
    told(f"{folder}: {len(unread)} pictures cannot be read and are left out, such as {unread[0].name}; {advice}.")


def _read_image(path: pathlib.Path) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, upright; over white where it is transparent; None if it is no picture that we can read."""
    if _is_foreign(path):
        return None
    content = files.read_bytes(path)
    stored = picture_files.decode(content, cv2.IMREAD_UNCHANGED, source=path)
    if stored is None:
        return None
    if stored.ndim == 3 and stored.shape[2] == 4:
        return np.stack([_over_white(row) for row in stored])
    del stored
    return picture_files.decode(content, cv2.IMREAD_COLOR_RGB, source=path)


def _over_white(row: np.ndarray) -> np.ndarray:
    """(W, 3) uint8 of one row (W, 4) BGRA: the whole picture in floats would take many times its memory."""
    full = 65535 if row.dtype == np.uint16 else 255
    alpha = row[:, 3:].astype(np.float32) / full
    colours = row[:, 2::-1].astype(np.float32) / full * alpha + (1 - alpha)
    return np.round(255 * colours).astype(np.uint8)


def _is_foreign(path: pathlib.Path) -> bool:
    return path.suffix.lower() in _FOREIGN_SUFFIXES


def _pictures(folder: pathlib.Path) -> list[pathlib.Path]:
    """What is named as pictures are; what a Mac keeps beside them (`._1.png`) and other hidden files are none."""
    known = _IMAGE_SUFFIXES | _FOREIGN_SUFFIXES
    return [path for path in folder.iterdir() if path.suffix.lower() in known and not path.name.startswith(".")]


def _image_paths(folder: pathlib.Path) -> list[pathlib.Path]:
    """Its picture files by number."""
    paths = filter(files.is_regular, _pictures(folder))
    return sorted(paths, key=lambda path: [int(s) if s.isdecimal() else s for s in re.split(r"(\d+)", path.name)])
