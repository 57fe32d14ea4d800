"""Locks that the system keeps for a process and takes back when it dies, however it dies."""

import contextlib
import errno
import os
import pathlib
import sys
from collections.abc import Iterator

from pegasus_jax.errors import UserError

if sys.platform == "win32":  # has none of this kind: everybody gets them
    _EXCLUSIVE, _AT_ONCE = 0, 0

    def _lock(descriptor: int, kind: int) -> None:
        pass
else:
    import fcntl

    _EXCLUSIVE, _AT_ONCE = fcntl.LOCK_EX, fcntl.LOCK_NB
    _lock = fcntl.flock

# Windows knows none of these.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # of some network file systems


@contextlib.contextmanager
def held(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Whether the lock that the file `path` stands for is this process's, for as long as the block lasts.

    The file is made, and goes when the lock does. Where the file system has no locks, everybody gets them.

    Raises:
        UserError: it is a link, which could make a file anywhere; or the place cannot be written to.
    """
    path = pathlib.Path(path)
    descriptor = _locked(path)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def take(descriptor: int) -> None:
    """Waits for the lock of an open file or folder, where there are locks; it goes when the descriptor is closed."""
    with contextlib.suppress(OSError):
        _lock(descriptor, _EXCLUSIVE)


def take_if_free(descriptor: int) -> bool:
    """Takes the lock of an open file or folder if nobody has it, and says whether."""
    try:
        _lock(descriptor, _EXCLUSIVE | _AT_ONCE)
    except OSError:
        return False
    return True


def _locked(path: pathlib.Path) -> int | None:
    while True:
        try:
            descriptor = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            told = "it is a link" if error.errno == errno.ELOOP else error.strerror
            raise UserError(f"{path} cannot be made ({told}); remove it, or choose another place.") from error
        try:
            _lock(descriptor, _EXCLUSIVE | _AT_ONCE)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                return None
        if _is_still(path, descriptor):  # not removed by the one who had it before
            return descriptor
        os.close(descriptor)


def _is_still(path: pathlib.Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
