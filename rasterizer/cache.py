"""Folders for what this machine's programs are compiled to. What lies in them is run: nobody else may write there."""

import os
import pathlib
import stat

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def user_folder() -> pathlib.Path:
    """The user's folder for caches: $XDG_CACHE_HOME, which has no meaning unless it is absolute, else ~/.cache.

    Raises:
      RuntimeError: there is no home folder.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    folder = pathlib.Path(named).expanduser() if named else None
    return folder if folder is not None and folder.is_absolute() else pathlib.Path.home() / ".cache"


def make_private(folder: pathlib.Path) -> bool:
    """Makes a folder that this user alone (or root) may write to, or makes one so; returns whether it is.

    What others may have put there is removed.

    Raises:
      OSError: it cannot be made.
    """
    for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        path.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if not _is_ours(status):
        return False
    was_open = bool(status.st_mode & _WRITABLE_BY_OTHERS)
    try:
        if was_open:
            folder.chmod(0o700)
        for path in folder.iterdir():
            if not path.is_dir() and (was_open or path.is_symlink() or not _is_ours(path.lstat())):
                path.unlink(missing_ok=True)
    except PermissionError:  # root's, and open
        return False
    return True


def is_private(file: pathlib.Path) -> bool:
    """Whether a file is there, no link, this user's or root's, and writable by nobody else."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and _is_ours(status) and not status.st_mode & _WRITABLE_BY_OTHERS


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (os.getuid(), 0)
