"""Where files keep a `Disclosure`: PNG and JPEG by their bytes, videos by their container's tags and an XMP packet."""

import struct
import zlib

from pegasus_jax.media.disclosure import SOFTWARE, Disclosure

_PNG_HEADER = 8 + 25  # bytes: the signature, and the chunk IHDR, which has to be the first
_JPEG_START = b"\xff\xd8"
_JFIF, _APP1 = b"\xff\xe0", b"\xff\xe1"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MP4_XMP = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")  # the box type that XMP's specification (part 3) names


def mark_png(png: bytes, disclosure: Disclosure) -> bytes:
    """The same PNG with an XMP packet, a description, and the software's name."""
    marks = _text("Software", SOFTWARE) + _international_text("Description", disclosure.sentence.encode())
    marks += _international_text("XML:com.adobe.xmp", disclosure.xmp())
    return png[:_PNG_HEADER] + marks + png[_PNG_HEADER:]


def mark_jpeg(jpeg: bytes, disclosure: Disclosure) -> bytes:
    """The same JPEG with an XMP packet, behind the JFIF segment, which has to be the first where there is one."""
    start = len(_JPEG_START)
    if jpeg[start : start + 2] == _JFIF:
        start += 2 + struct.unpack(">H", jpeg[start + 2 : start + 4])[0]
    content = _JPEG_XMP + disclosure.xmp()
    return jpeg[:start] + _APP1 + struct.pack(">H", 2 + len(content)) + content + jpeg[start:]


def video_tags(disclosure: Disclosure) -> dict[str, str]:
    """Tags for FFmpeg's muxers: what players show, Matroska's free tag, and QuickTime's XMP; each takes its own."""
    return {
        "comment": f"{disclosure.sentence} {disclosure.source_uri}",
        "digital_source_type": disclosure.source_uri,
        "xmp": disclosure.xmp().decode(),
    }


def mp4_box(disclosure: Disclosure) -> bytes:
    """The XMP packet as a box to put at the end of an MP4, where FFmpeg's muxer writes none."""
    packet = disclosure.xmp()
    return struct.pack(">I", 8 + len(_MP4_XMP) + len(packet)) + b"uuid" + _MP4_XMP + packet


def _text(keyword: str, text: str) -> bytes:
    return _chunk(b"tEXt", keyword.encode() + b"\0" + text.encode("latin-1"))


def _international_text(keyword: str, text: bytes) -> bytes:
    """Uncompressed UTF-8 of no particular language."""
    return _chunk(b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
