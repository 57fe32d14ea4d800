"""Checks of folders named on the command line."""

import glob
import pathlib
from collections.abc import Sequence

from pegasus_jax.errors import UserError


def dataset_folders(patterns: Sequence[str]) -> list[pathlib.Path]:
    """The dataset folders meant by names and glob patterns, in order, each once.

    A folder that is none stands for all dataset folders below it; where there are none, for itself, so that reading it
    says what it lacks.

    Raises:
        UserError: a name or pattern leads to no folder.
    """
    found: dict[pathlib.Path, None] = {}
    for pattern in patterns:
        folders = [pathlib.Path(path) for path in sorted(glob.glob(pattern)) if pathlib.Path(path).is_dir()]
        if not folders:
            raise UserError(f"--data: no folder matches {pattern}; make one by launch.py capture.")
        from pegasus_jax import data  # only now: a misspelt folder is answered at once

        for folder in folders:
            found.update(dict.fromkeys(data.dataset_folders(folder) or [folder]))
    return list(found)


def optional_path(text: str | None) -> pathlib.Path | None:
    """A path, or None where the flag was not given."""
    return pathlib.Path(text) if text else None
