"""Writing pictures."""

import errno
import os
import pathlib

import cv2
import numpy as np

from pegasus_jax import atomic
from pegasus_jax.errors import UserError
from pegasus_jax.media.disclosure import Disclosure
from pegasus_jax.media.marks import mark_jpeg, mark_png

_MARKS = {".png": mark_png, ".jpg": mark_jpeg, ".jpeg": mark_jpeg}


def write_image(path: str | os.PathLike, image: np.ndarray, *, disclosure: Disclosure | None) -> None:
    """Writes (H, W), (H, W, 3) or, as .png, (H, W, 4) with straight alpha, in the format of the suffix (.png, .jpg).

    Args:
        path: where to.
        image: uint8, or float in [0, 1].
        disclosure: what the file says of how it came to be; None: a camera took it, or it shows no person.

    Raises:
        UserError: the suffix names no format, or the disk is full.
        ValueError: the array is no image.
    """
    encoded = encode_image(image, pathlib.Path(path).suffix, disclosure=disclosure)
    with atomic.file(path) as temporary:
        temporary.write_bytes(encoded)


def encode_image(image: np.ndarray, suffix: str, *, disclosure: Disclosure | None) -> bytes:
    """The bytes that `write_image` writes.

    Raises:
        UserError: the suffix names no format.
        ValueError: the array is no image, or has an alpha channel that the format has not.
    """
    suffix = suffix.lower()
    if suffix not in _MARKS:
        raise UserError(f"A picture's name must end in .png or .jpg; got {suffix or 'no suffix'}.")
    picture = to_uint8(image)
    if picture.shape[2] == 4 and suffix != ".png":
        raise ValueError(f"a picture with alpha must be a .png; got {suffix}.")
    done, encoded = cv2.imencode(suffix, picture[..., [2, 1, 0, 3][: picture.shape[2]]])
    if not done:
        raise OSError(errno.EIO, "the picture could not be encoded")
    return _MARKS[suffix](encoded.tobytes(), disclosure) if disclosure else encoded.tobytes()


def to_uint8(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) or (H, W, 4) uint8 of (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or float in [0, 1].

    Raises:
        ValueError: it has another shape.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] not in (3, 4):
        raise ValueError(f"an image must be (H, W), (H, W, 3) or (H, W, 4); got {image.shape}.")
    if image.dtype == np.uint8:
        return image
    return np.round(np.clip(np.nan_to_num(image.astype(np.float32)), 0, 1) * 255).astype(np.uint8)
