"""Picture files as arrays: their size without decoding, colour, mattes, part masks, area-averaged resizing."""

import pathlib

import cv2
import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.media.disclosure import Disclosure
from pegasus_jax.media.marks import mark_png
from pegasus_jax.untrusted import files, picture_files
from pegasus_jax.untrusted.picture_files import Header

SUFFIXES = (".png", ".jpg", ".jpeg")

_FORMATS = ("png", "jpeg")
_LAST_LABEL = 18  # of a face-parsing map of 19 classes


def header(path: pathlib.Path) -> Header:
    """Size and channels of a PNG or JPEG without decoding it.

    Raises:
        UserError: the file is missing, or is neither.
    """
    with files.open_regular(path) as file:
        found = picture_files.read_header(file)
    if found is None or found.format not in _FORMATS:
        raise UserError(f"{path} is not a PNG or JPEG picture; save it again as one.")
    return found


def read_rgb(path: pathlib.Path, *, image_size: tuple[int, int]) -> np.ndarray:
    """A picture as (H, W, 3) uint8 RGB at `image_size`; an alpha channel is left out.

    Raises:
        UserError: the file cannot be decoded.
    """
    return resize(_decode(path, cv2.IMREAD_COLOR)[..., ::-1], image_size)


def read_grey(path: pathlib.Path, *, image_size: tuple[int, int]) -> np.ndarray:
    """A mask, of one or three channels in the file, as (H, W) uint8 at `image_size`.

    Raises:
        UserError: the file cannot be decoded.
    """
    return resize(_decode(path, cv2.IMREAD_GRAYSCALE), image_size)


def decode_alpha(path: pathlib.Path) -> np.ndarray:
    """The alpha channel of a picture: (H, W) uint8 or uint16.

    Raises:
        UserError: the file cannot be decoded, or has no alpha channel.
    """
    picture = _decode(path, cv2.IMREAD_UNCHANGED)
    if picture.ndim != 3 or picture.shape[2] != 4:
        raise UserError(f"{path} has no alpha channel.")
    return picture[..., 3]


def decode_matte(path: pathlib.Path) -> np.ndarray:
    """A mask file as (H, W) uint8 or uint16: its grey value; its alpha channel, if it has one that is used.

    Raises:
        UserError: the file cannot be decoded.
    """
    picture = _decode(path, cv2.IMREAD_UNCHANGED)
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 4 and (picture[..., 3] < np.iinfo(picture.dtype).max).any():
        return picture[..., 3]
    return cv2.cvtColor(np.ascontiguousarray(picture[..., :3]), cv2.COLOR_BGR2GRAY)


def to_8_bits(picture: np.ndarray, *, white: int | None = None) -> np.ndarray:
    """Unsigned integers as uint8; `white` becomes 255, by default the largest value of their type."""
    largest = white or int(np.iinfo(picture.dtype).max)
    if largest == 255 and picture.dtype == np.uint8:
        return picture
    return np.rint(np.minimum(picture, largest) * (255.0 / largest)).astype(np.uint8)


def read_labels(path: pathlib.Path, labels: tuple[int, ...], *, image_size: tuple[int, int]) -> np.ndarray:
    """Where a face-parsing map of 19 classes has one of `labels`: (H, W) uint8, 0 or 255 before resizing.

    Raises:
        UserError: the file cannot be decoded, or is no such map.
    """
    found = _decode(path, cv2.IMREAD_GRAYSCALE)
    if found.max() > _LAST_LABEL:
        raise UserError(f"{path} has the label {found.max()}; a map of 19 classes holds 0 to {_LAST_LABEL}.")
    return resize(np.where(np.isin(found, labels), 255, 0).astype(np.uint8), image_size)


def resize(picture: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Area average when smaller, bilinear when larger: neither shifts pixel centres from +0.5."""
    height, width = image_size
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)


def write_png(path: pathlib.Path, picture: np.ndarray, *, disclosure: Disclosure | None = None) -> None:
    """Writes (H, W, 3) RGB or (H, W) grey, uint8; `disclosure`: how it came to be, if no camera took it.

    Raises:
        OSError: the disk is full or not writable. (`cv2.imwrite` would only return False.)
    """
    bgr = picture[..., ::-1] if picture.ndim == 3 else picture
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(bgr))
    path.parent.mkdir(parents=True, exist_ok=True)
    content = encoded.tobytes()
    path.write_bytes(mark_png(content, disclosure) if disclosure else content)


def _decode(path: pathlib.Path, flags: int) -> np.ndarray:
    """Pixels as they are stored: cameras refer to those, whatever a camera's orientation tag says."""
    flags = flags if flags == cv2.IMREAD_UNCHANGED else flags | cv2.IMREAD_IGNORE_ORIENTATION
    picture = picture_files.decode(files.read_bytes(path), flags, source=path)
    if picture is None:
        raise UserError(f"{path} is a damaged picture; save it again.")
    return picture
