"""What a file says of itself, by Pillow's and FFmpeg's readers."""

import pathlib
import re

import av
from PIL import Image


def xmp(path: pathlib.Path) -> str:
    """Its XMP packet; "" where there is none."""
    if path.suffix in (".mp4", ".mov"):
        with av.open(str(path), options={"export_xmp": "1"}) as container:
            return container.metadata.get("xmp", "")
    with Image.open(path) as picture:
        picture.load()
        return picture.info.get("XML:com.adobe.xmp") or picture.info.get("xmp", b"").decode()


def source_type(path: pathlib.Path) -> str | None:
    """The term of IPTC's vocabulary, if it names one."""
    found = re.search(r"DigitalSourceType>http://cv\.iptc\.org/newscodes/digitalsourcetype/(\w+)<", xmp(path))
    return found[1] if found else None
