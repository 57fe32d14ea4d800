"""Frames of a video file, or of a folder of images, one at a time and upright."""

import dataclasses
import hashlib
import pathlib
import re
from collections.abc import Iterator

import av
import cv2
import numpy as np

from pegasus_jax.capture.model_files import file_sha256
from pegasus_jax.errors import UserError

_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
_IMAGE_FOLDER_FPS = 25.0
_TICK_TOLERANCE_S = 1e-4


@dataclasses.dataclass(frozen=True)
class Frame:
    """One picture of the clip."""

    index: int  # position among all pictures of the source, from 0
    time: float  # seconds from the clip's first picture
    image: np.ndarray  # (H, W, 3) uint8 RGB, upright


def read_frames(video: pathlib.Path, *, max_frames: int | None = None, fps: float | None = None) -> Iterator[Frame]:
    """Yields the frames of `video`, a video file or a folder of images, in order of time.

    `fps` thins the clip to at most that rate by presentation time, so that variable frame rates come out even;
    `max_frames` then ends it early. Rotation metadata is applied. A folder counts as 25 frames a second.

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
    source = _folder_frames(video) if video.is_dir() else _video_frames(video)
    return _select(_checked(source, video), max_frames, fps)


def source_sha256(video: pathlib.Path) -> str:
    """Hash of the video's bytes; for a folder, of its images' names and bytes in order."""
    video = pathlib.Path(video)
    if not video.is_dir():
        return file_sha256(video)
    digest = hashlib.sha256()
    for path in _image_paths(video):
        digest.update(f"{path.name}\0{file_sha256(path)}\n".encode())
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


def _video_frames(video: pathlib.Path) -> Iterator[Frame]:
    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise UserError(f"{video} has no video stream.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or _IMAGE_FOLDER_FPS)
            start = None
            for index, picture in enumerate(container.decode(stream)):
                seconds = index / rate if picture.time is None else picture.time
                start = seconds if start is None else start
                yield Frame(index, seconds - start, _upright(picture))
    except av.FFmpegError as error:
        raise UserError(f"{video} cannot be read as a video ({error.strerror}).") from error


def _upright(picture: av.VideoFrame) -> np.ndarray:
    image = picture.to_ndarray(format="rgb24")
    # The display matrix' angle is counter-clockwise, as np.rot90 counts.
    return np.ascontiguousarray(np.rot90(image, round(picture.rotation / 90)))


def _folder_frames(folder: pathlib.Path) -> Iterator[Frame]:
    for index, path in enumerate(_image_paths(folder)):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise UserError(f"{path} cannot be read as an image.")
        yield Frame(index, index / _IMAGE_FOLDER_FPS, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _image_paths(folder: pathlib.Path) -> list[pathlib.Path]:
    paths = [path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_SUFFIXES]
    return sorted(paths, key=lambda path: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", path.name)])
