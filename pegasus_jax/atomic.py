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


@contextlib.contextmanager
def file(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to, with the same suffix; it replaces `path` when the block succeeds.

    Missing parent folders are made.

    Raises:
        UserError: the disk is full, or the place may not be written to.
    """
    path = pathlib.Path(path)
    with _told(path):
        if path.is_dir():
            raise UserError(f"{path} is a folder; give the name of a file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_prefix(path)) as sibling:
            temporary = pathlib.Path(sibling) / path.name
            yield temporary
            os.replace(temporary, path)


@contextlib.contextmanager
def folder(path: str | os.PathLike, *, replace: bool = False) -> Iterator[pathlib.Path]:
    """Yields a new, empty folder to fill; it becomes `path` when the block succeeds.

    Args:
        path: the folder to make. It may exist if it is empty.
        replace: whether a folder that already holds something may be replaced by the new one.

    Raises:
        UserError: `path` exists and `replace` is off; the disk is full; the place may not be written to.
    """
    path = pathlib.Path(path)
    with _told(path):
        _check_free(path, replace=replace)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_prefix(path)) as sibling:
            temporary = pathlib.Path(sibling) / path.name
            temporary.mkdir()
            yield temporary
            if path.exists():  # rename(2) replaces a folder only if it is empty: move the old one aside first
                path.rename(pathlib.Path(sibling) / "replaced")
            temporary.rename(path)


def is_disk_full(error: OSError) -> bool:
    """Whether `error` says that the disk, or the user's share of it, is full."""
    return error.errno in _DISK_FULL


def _check_free(path: pathlib.Path, *, replace: bool) -> None:
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; give the name of a folder.")
    if not replace and path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path} already exists and is not empty; remove it or choose another folder.")


def _prefix(path: pathlib.Path) -> str:
    return f".{path.name[:100]}-"  # cut: a name may have 255 bytes in all


@contextlib.contextmanager
def _told(path: pathlib.Path) -> Iterator[None]:
    """Turns what a user can repair about a disk into a sentence."""
    try:
        yield
    except PermissionError as error:
        raise UserError(f"Writing {path} is not permitted; choose another place.") from error
    except OSError as error:
        if not is_disk_full(error):
            raise
        free = shutil.disk_usage(_existing(path)).free / 2**20
        message = f"No disk space left while writing {path} ({free:.0f} MiB free); free some and run it again."
        raise UserError(message) from error


def _existing(path: pathlib.Path) -> pathlib.Path:
    return next(parent for parent in [path, *path.absolute().parents] if parent.exists())
