"""Picture files: what they say of themselves before they are decoded, and decoding what may be.

OpenCV makes room for as many pixels as a header names, a billion of them, before it looks whether the file has any.
"""

import dataclasses
import io
import struct
from typing import BinaryIO, Literal

import cv2
import numpy as np

from pegasus_jax.untrusted.limits import check_picture

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}  # by colour type; a palette may have colours that are transparent
_PNG_WITH_ALPHA = (4, 6)
_JPEG = b"\xff\xd8\xff"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that begin a frame and say its size
_JPEG_SEQUENTIAL = (0xC0, 0xC1)  # the others keep the coefficients of the whole picture, two bytes each
_TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_CHANNELS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = (
    256,
    257,
    258,
    277,
    322,
    323,
)
_TIFF_INTEGERS = {3: "H", 4: "I"}
_DECODED = 3  # bytes a pixel that any picture may be turned into


@dataclasses.dataclass(frozen=True)
class Header:
    """What the first bytes of a picture say."""

    format: Literal["png", "jpeg", "webp", "bmp", "tiff"]
    size: tuple[int, int]  # (H, W)
    bytes_per_pixel: float  # of memory, once it is decoded
    has_alpha: bool = False


def read_header(stream: BinaryIO) -> Header | None:
    """The header of the PNG, JPEG, WebP, BMP or TIFF that a seekable stream begins with; None if it is none of them."""
    first = stream.read(30)
    try:
        if first.startswith(_PNG):
            return _png(first)
        if first.startswith(_JPEG):
            return _jpeg(stream)
        if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
            return _webp(first)
        if first[:2] == b"BM":
            return _bmp(first)
        if first[:4] in _TIFF_ORDERS:
            return _tiff(stream, _TIFF_ORDERS[first[:4]])
    except (struct.error, IndexError, KeyError):  # it is cut short, or says nonsense
        pass
    return None


def decode(content: bytes, flags: int, *, source: object) -> np.ndarray | None:
    """The pixels of a picture as `cv2.imdecode` gives them; None if it is damaged or of an unknown kind.

    Args:
        content: the file.
        flags: of `cv2.imdecode`.
        source: what to call it in sentences.

    Raises:
        UserError: it would take more memory than `limits` allows.
    """
    header = read_header(io.BytesIO(content))
    if header is None:
        return None
    check_picture(header.size, bytes_per_pixel=max(_DECODED, header.bytes_per_pixel), source=source)
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:  # its other parts contradict its header
        return None


def _png(first: bytes) -> Header:
    width, height, depth, colour = struct.unpack(">IIBB", first[16:26])
    return Header("png", (height, width), _PNG_CHANNELS[colour] * max(depth, 8) / 8, colour in _PNG_WITH_ALPHA)


def _jpeg(stream: BinaryIO) -> Header | None:
    """Hops from segment to segment (0xFF, marker, length, content) to the one with the size."""
    stream.seek(2)
    while len(start := stream.read(4)) == 4 and start[0] == 0xFF:
        if start[1] == 0xFF:  # padding before a marker
            stream.seek(-3, 1)
            continue
        if start[1] in _JPEG_SIZES:
            height, width = struct.unpack(">xHH", stream.read(5))
            return Header("jpeg", (height, width), 3 if start[1] in _JPEG_SEQUENTIAL else 6)
        stream.seek(max(struct.unpack(">H", start[2:])[0] - 2, 0), 1)
    return None


def _webp(first: bytes) -> Header:
    if first[12:16] == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", first[26:30]))
    elif first[12:16] == b"VP8L":
        (bits,) = struct.unpack("<I", first[21:25])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:  # VP8X, with more than a picture in it
        width, height = (int.from_bytes(first[at : at + 3], "little") + 1 for at in (24, 27))
    return Header("webp", (height, width), 4)


def _bmp(first: bytes) -> Header:
    if struct.unpack("<I", first[14:18]) == (12,):
        width, height = struct.unpack("<HH", first[18:22])
    else:
        width, height = struct.unpack("<ii", first[18:26])
    return Header("bmp", (abs(height), abs(width)), 4)


def _tiff(stream: BinaryIO, order: str) -> Header:
    stream.seek(4)
    stream.seek(*struct.unpack(f"{order}I", stream.read(4)))
    (count,) = struct.unpack(f"{order}H", stream.read(2))
    tags = {}
    for _ in range(count):
        tag, kind, number, value = struct.unpack(f"{order}HHI4s", stream.read(12))
        if kind in _TIFF_INTEGERS:
            tags[tag] = (kind, number, value)

    def integer(tag: int, otherwise: int | None = None) -> int:
        if tag not in tags and otherwise is not None:
            return otherwise
        kind, number, value = tags[tag]
        form = order + _TIFF_INTEGERS[kind]
        if number * struct.calcsize(form) > len(value):  # it is not here, but there
            stream.seek(*struct.unpack(f"{order}I", value))
            value = stream.read(4)
        return struct.unpack_from(form, value)[0]

    width = max(integer(_TIFF_WIDTH), integer(_TIFF_TILE_WIDTH, 0))
    height = max(integer(_TIFF_HEIGHT), integer(_TIFF_TILE_HEIGHT, 0))
    channels = max(integer(_TIFF_CHANNELS, 1), _DECODED)
    return Header("tiff", (height, width), channels * max(integer(_TIFF_BITS, 8), 8) / 8)
