"""PNG files as arrays: their size without decoding, colour and grey reading, area-averaged resizing."""

import pathlib
import struct

import cv2
import numpy as np

from pegasus_jax.errors import UserError

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_size(path: pathlib.Path) -> tuple[int, int]:
    """(H, W) from the header alone.

    Raises:
        UserError: the file is missing or is not a PNG.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(24)
    except OSError as error:
        raise UserError(f"{path} is missing or cannot be read ({error.strerror}).") from error
    if len(header) < 24 or header[:8] != _PNG_SIGNATURE:
        raise UserError(f"{path} is not a PNG picture; save it again as one.")
    width, height = struct.unpack(">II", header[16:24])
    return height, width


def read_rgb(path: pathlib.Path, *, image_size: tuple[int, int]) -> np.ndarray:
    """A picture as (H, W, 3) uint8 RGB at `image_size`.

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


def resize(picture: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Area average when smaller, bilinear when larger: neither shifts pixel centres from +0.5."""
    height, width = image_size
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)


def write_png(path: pathlib.Path, picture: np.ndarray) -> None:
    """Writes (H, W, 3) RGB or (H, W) grey, uint8.

    Raises:
        OSError: the disk is full or not writable. (`cv2.imwrite` would only return False.)
    """
    bgr = picture[..., ::-1] if picture.ndim == 3 else picture
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(bgr))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.tobytes())


def _decode(path: pathlib.Path, flags: int) -> np.ndarray:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise UserError(f"{path} is missing or is a damaged picture.")
    return picture
