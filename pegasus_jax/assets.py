"""Where files that the project does not contain are looked for: model files of others, and what we cache."""

import os
import pathlib


def cache_folder() -> pathlib.Path:
    """The user's cache: $XDG_CACHE_HOME/pegasus-jax, usually ~/.cache/pegasus-jax."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "pegasus-jax"


def search_folders() -> list[pathlib.Path]:
    """Folders that may hold model files, in order: $PEGASUS_ASSETS, then the user's cache."""
    named = os.environ.get("PEGASUS_ASSETS")
    return ([pathlib.Path(named)] if named else []) + [cache_folder()]


def find(name: str) -> pathlib.Path | None:
    """The first file called `name` in `search_folders`, or None."""
    return next((folder / name for folder in search_folders() if (folder / name).is_file()), None)
