"""Where files that the project does not contain are looked for: model files of others, and what we cache."""

import os
import pathlib
import tempfile

from pegasus_jax import paths
from pegasus_jax.errors import UserError
from rasterizer import cache


def cache_folder() -> pathlib.Path:
    """The user's cache: $XDG_CACHE_HOME/pegasus-jax if that is an absolute path, usually ~/.cache/pegasus-jax.

    Of a user without a home, as containers have them, a folder among the temporary files.

    Raises:
        UserError: that folder is somebody else's.
    """
    try:
        return cache.user_folder() / "pegasus-jax"
    except RuntimeError:
        return _temporary_cache()


def _temporary_cache() -> pathlib.Path:
    folder = pathlib.Path(tempfile.gettempdir()) / f"pegasus-jax-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise UserError(f"{folder} is somebody else's; name a folder for the cache in $XDG_CACHE_HOME.")
    return folder


def search_folders() -> list[pathlib.Path]:
    """Folders that may hold model files, in order: $PEGASUS_ASSETS, then the user's cache."""
    named = paths.named_by("PEGASUS_ASSETS")
    return ([named] if named else []) + [cache_folder()]


def find(name: str) -> pathlib.Path | None:
    """The first file called `name` in `search_folders`, or None."""
    return next((folder / name for folder in search_folders() if (folder / name).is_file()), None)
