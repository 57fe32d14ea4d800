"""Opening files: regular ones only, never larger than `limits` allows.

A link to a device or a pipe in a downloaded folder would otherwise be read without end.
"""

import hashlib
import json
import os
import pathlib
import stat
from typing import BinaryIO

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import limits

# Without O_NONBLOCK, opening a pipe that nobody writes to waits for ever; Windows knows neither of the two.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a file for reading bytes.

    Raises:
        UserError: it is missing, may not be read, or is no regular file but a folder, a device or a pipe.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, _FLAGS)
    except FileNotFoundError as error:
        raise UserError(f"{said(name)} is missing; check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: NUL in the name; UnicodeEncodeError is one, too
        reason = error.strerror if isinstance(error, OSError) else "its name is none that a file can have"
        raise UserError(f"{said(name)} cannot be read ({reason}).") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UserError(f"{said(name)} is no regular file but a folder, device or pipe; give a file.")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: str | os.PathLike[str]) -> None:
    """Refuses what `open_regular` would; for files that a library opens by their name.

    Raises:
        UserError: see `open_regular`.
    """
    open_regular(path).close()


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The content of a file.

    Raises:
        UserError: see `open_regular`; or it is larger than `limits` allows.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        limits.check_file(size, source=path)
        try:
            content = file.read(size + 1)  # bounded, as the file may be growing
        except OSError as error:
            raise UserError(f"{said(os.fspath(path))} cannot be read ({error.strerror}).") from error
    return content[:size]


def read_text(path: str | os.PathLike[str]) -> str:
    """The text in a file: UTF-8, UTF-16 or UTF-32, with or without a byte order mark, as systems write them.

    Raises:
        UserError: see `read_bytes`; or it is in none of these.
    """
    content = read_bytes(path)
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text (byte {error.start}); save it again as UTF-8.") from error


def sha256(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        UserError: see `open_regular`.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def is_regular(path: str | os.PathLike[str]) -> bool:
    """Whether there is a regular file of this name, which may be one that no file can have."""
    try:
        return pathlib.Path(path).is_file()
    except (OSError, ValueError):
        return False


def said(name: str) -> str:
    """A name as it may be printed: without control characters and lone surrogates, and not longer than a line."""
    shown = name if len(name) <= 200 else f"{name[:100]}…{name[-80:]}"
    return shown if shown.isprintable() else ascii(shown)[1:-1]
