"""Files and folders that appear whole or not at all: write to a temporary sibling, then rename.

    with atomic.file("runs/me/table.json") as temporary:
        temporary.write_text(...)

A sibling lies on the same file system, so that the rename cannot stop half-way; it is on disk before it is renamed.
Whatever ends the block early, Ctrl-C included, removes the sibling and leaves what stood at `path` before as it was.
What a killed process could not remove, the next one that writes to `path` does: each holds a lock on its sibling.
"""

import contextlib
import ctypes
import errno
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator

from pegasus_jax import locks
from pegasus_jax.errors import UserError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_SUFFIX = ".unfinished"
_ASIDE = "replaced"
_LONGEST_PREFIX = 100  # a name may have 255 bytes in all
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG)


@contextlib.contextmanager
def file(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to, with the same suffix; it replaces `path` when the block succeeds.

    Missing parent folders are made.

    Raises:
        UserError: the place cannot be written to, for whatever reason the system has.
    """
    path = pathlib.Path(path)
    with _told(path), contextlib.ExitStack() as stack:
        with _impossible_told(path):
            if path.is_dir():
                raise UserError(f"{path} is a folder; give the name of a file.")
            _sweep(path)
            temporary = stack.enter_context(_sibling(path)) / path.name
        yield temporary
        with _impossible_told(path):
            _flush(temporary)
            os.replace(temporary, path)
            _flush(path.parent)


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
    with _told(path), contextlib.ExitStack() as stack:
        with _impossible_told(path):
            _sweep(path)
            _check_free(path, replace=replace)
            temporary = stack.enter_context(_sibling(path)) / path.name
            temporary.mkdir()
        yield temporary
        with _impossible_told(path):
            for there, _, names in os.walk(temporary, topdown=False):
                for name in (*names, "."):
                    _flush(pathlib.Path(there) / name)
            _put(temporary, path)
            _flush(path.parent)


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
    return f".{path.name[:_LONGEST_PREFIX]}-"


@contextlib.contextmanager
def _sibling(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """An empty folder beside `path` under this process's lock, for as long as the block lasts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = pathlib.Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=_SUFFIX))
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        locks.take(descriptor)
        if folder.is_dir():
            break
        os.close(descriptor)  # swept before it was locked
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _sweep(path: pathlib.Path) -> None:
    """Removes what killed writers of `path` left beside it, and puts back what they had moved aside."""
    if not path.parent.is_dir():
        return
    pattern = re.compile(re.escape(_prefix(path)) + r"\w{8}" + re.escape(_SUFFIX))
    for name in filter(pattern.fullmatch, os.listdir(path.parent)):
        folder = path.parent / name
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # it is gone, or another user's
        try:
            if locks.take_if_free(descriptor):
                if (folder / _ASIDE).is_dir() and not path.exists():
                    (folder / _ASIDE).rename(path)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _put(temporary: pathlib.Path, path: pathlib.Path) -> None:
    """Renames a folder to `path`; one that is there takes its place, at once where the system can exchange them."""
    if not path.exists():
        temporary.rename(path)
    elif not _exchanged(temporary, path):  # rename(2) replaces a folder only if it is empty
        aside = temporary.with_name(_ASIDE)
        path.rename(aside)
        try:
            temporary.rename(path)
        except BaseException:
            aside.rename(path)
            raise


def _exchanged(first: pathlib.Path, second: pathlib.Path) -> bool:
    """Exchanges two folders in one step, where the system and its file system can."""
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)  # Linux
    if exchange is None:
        return False
    return exchange(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0


def _flush(path: pathlib.Path) -> None:
    """Has the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # what has no disk below it
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
