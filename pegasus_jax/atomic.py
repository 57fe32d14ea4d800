"""Files and folders that appear whole or not at all: write to a temporary sibling, then rename.

    with atomic.file("runs/me/table.json") as temporary:
        temporary.write_text(...)

A sibling lies on the same file system, so that the rename cannot stop half-way. Whatever ends the block
early, Ctrl-C included, removes the sibling and leaves what stood at `path` before as it was.
"""

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from pegasus_jax.errors import UserError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG)


@contextlib.contextmanager
def file(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to, with the same suffix; it replaces `path` when the block succeeds.

    Missing parent folders are made.

    Raises:
        UserError: the place cannot be written to, for whatever reason the system has.
    """
    path = pathlib.Path(path)
    with _told(path):
        with _impossible_told(path):
            if path.is_dir():
                raise UserError(f"{path} is a folder; give the name of a file.")
            sibling = _sibling(path)
        with sibling as folder:
            temporary = pathlib.Path(folder) / path.name
            yield temporary
            with _impossible_told(path):
                os.replace(temporary, path)


@contextlib.contextmanager
def folder(path: str | os.PathLike, *, replace: bool = False) -> Iterator[pathlib.Path]:
    """Yields a new, empty folder to fill; it becomes `path` when the block succeeds.

    Args:
        path: the folder to make. It may exist if it is empty.
        replace: whether a folder that already holds something may be replaced by the new one.

    Raises:
        UserError: `path` exists and `replace` is off; the place cannot be written to, for whatever reason.
    """
    path = pathlib.Path(path)
    with _told(path):
        with _impossible_told(path):
            _check_free(path, replace=replace)
            sibling = _sibling(path)
        with sibling as parent:
            temporary = pathlib.Path(parent) / path.name
            temporary.mkdir()
            yield temporary
            with _impossible_told(path):
                if path.exists():  # rename(2) replaces a folder only if it is empty: move the old one aside first
                    path.rename(pathlib.Path(parent) / "replaced")
                temporary.rename(path)


def check_place(path: str | os.PathLike) -> None:
    """Looks whether a file or folder can be made at `path`, which costs nothing, unlike finding out in the end.

    Raises:
        UserError: it cannot, for whatever reason the system has.
    """
    path = pathlib.Path(path)
    with _told(path), _impossible_told(path):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)  # raises what the system says of names that cannot be
        with tempfile.TemporaryDirectory(dir=path if path.is_dir() else _existing(path.absolute().parent), prefix="."):
            pass


def is_disk_full(error: OSError) -> bool:
    """Whether `error` says that the disk, or the user's share of it, is full."""
    return error.errno in _DISK_FULL


def is_unwritable(error: OSError) -> bool:
    """Whether `error` says that a place is forbidden, read-only or broken."""
    return error.errno in _UNWRITABLE


def _check_free(path: pathlib.Path, *, replace: bool) -> None:
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; give the name of a folder.")
    if not replace and path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path} already exists and is not empty; remove it or choose another folder.")


def _prefix(path: pathlib.Path) -> str:
    return f".{path.name[:100]}-"  # cut: a name may have 255 bytes in all


def _sibling(path: pathlib.Path) -> tempfile.TemporaryDirectory[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=path.parent, prefix=_prefix(path))


@contextlib.contextmanager
def _told(path: pathlib.Path) -> Iterator[None]:
    """Turns what a user can repair about a disk into a sentence."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            free = shutil.disk_usage(_existing(path)).free / 2**20
            message = f"No disk space left while writing {path} ({free:.0f} MiB free); free some and run it again."
            raise UserError(message) from error
        if not is_unwritable(error):
            raise
        raise UserError(_cannot(path, error)) from error


@contextlib.contextmanager
def _impossible_told(path: pathlib.Path) -> Iterator[None]:
    """The same for a block that only deals with the place: all that goes wrong there is about it."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise
        raise UserError(_cannot(path, error)) from error


def _cannot(path: pathlib.Path, error: OSError) -> str:
    return f"{path} cannot be written ({error.strerror or error}); choose another place."


def _existing(path: pathlib.Path) -> pathlib.Path:
    return next(parent for parent in [path, *path.absolute().parents] if parent.exists())
