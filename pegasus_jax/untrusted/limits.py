"""What a file may cost: the one place that says so.

A small file may say that it needs all of the machine (a picture of 10^9 pixels, a megabyte that unpacks to terabytes).
So each reader asks here before it makes anything. `PEGASUS_FILE_LIMIT_MIB` raises all limits together.
"""

import os

from pegasus_jax.errors import UserError

VARIABLE = "PEGASUS_FILE_LIMIT_MIB"
_DEFAULT_MIB = 640  # VGG16 as torchvision publishes it has 528
_SMALL = 0.4  # of the limit: what any file may unpack to, however small it is
_UNPACKED_PER_BYTE = 8  # beyond that; floats of trained networks deflate by less than 2
_PICTURE = 0.3  # of the limit: one decoded picture, of which there may be a copy; 67 million pixels of three bytes
MOST_DIRECTORY_BYTES = 2**23  # of a zip's table of contents: 180,000 members
DEEPEST = 64  # levels of lists, dicts and tuples in each other


def file_bytes() -> int:
    """The most bytes that a file that is read whole may have.

    Raises:
        UserError: the environment variable is no number above 0.
    """
    text = os.environ.get(VARIABLE) or str(_DEFAULT_MIB)
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) > 0):
        raise UserError(f"${VARIABLE} must be a number of MiB, such as {_DEFAULT_MIB}; it is {text[:40]!r}.")
    return int(text) * 2**20


def unpacked_bytes(stored: int) -> int:
    """The most bytes of memory that the content of a file of `stored` bytes may take."""
    most = file_bytes()
    return min(most, max(int(_SMALL * most), _UNPACKED_PER_BYTE * stored))


def check_file(size: int, *, source: object) -> None:
    """Refuses a file of `size` bytes that is too large to be read whole.

    Raises:
        UserError: it is.
    """
    if size > file_bytes():
        raise UserError(f"{source} has {size / 2**20:,.0f} MiB, {_more_than(file_bytes())}")


def check_picture(size: tuple[int, int], *, bytes_per_pixel: float, source: object) -> None:
    """Refuses a picture of (H, W) pixels that would take too much memory.

    Raises:
        UserError: it would.
    """
    height, width = size
    most = _PICTURE * file_bytes()
    if height * width * bytes_per_pixel > most:
        raise UserError(f"{source} is a picture of {width}x{height} pixels, {_more_than(most)} A smaller copy will do.")


class Budget:
    """The memory that the content of one file may still take.

    Args:
        stored: bytes of the file.
        source: what to call it in sentences.
    """

    def __init__(self, stored: int, *, source: object):
        self._whole = self._left = unpacked_bytes(stored)
        self._source = source

    def spend(self, size: int) -> None:
        """Takes `size` bytes, before they are made.

        Raises:
            UserError: so many are not left.
        """
        self._left -= size
        if self._left < 0:
            raise UserError(f"{self._source} would unpack to {_more_than(self._whole)}")


def _more_than(most: float) -> str:
    return (
        f"more than the {most / 2**20:,.0f} MiB that such a file may take: "
        f"if you trust it and have the memory, raise ${VARIABLE}."
    )
