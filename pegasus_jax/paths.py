"""Paths as people write them: in flags, in environment variables, in json files."""

import glob
import os
import pathlib

from pegasus_jax.errors import UserError


def expanded(path: str | os.PathLike[str]) -> pathlib.Path:
    """The path with `~` and `~name` replaced, which shells do neither behind an equals sign nor inside quotes.

    Raises:
        UserError: whose home is meant is not known here.
    """
    try:
        return pathlib.Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{path}: the home folder that ~ stands for is not known here; write the whole path."
        ) from error


def named_by(variable: str) -> pathlib.Path | None:
    """The path in an environment variable; None where it is not set, or empty.

    Raises:
        UserError: see `expanded`.
    """
    value = os.environ.get(variable)
    return expanded(value) if value else None


def matching(text: str) -> list[pathlib.Path]:
    """What is meant by a name, by a pattern, or by several of them with commas between; sorted for each pattern.

    What is there is taken literally first, the whole before its parts: `me [take 1]` and `Doe, Jane` are good names.

    Raises:
        UserError: a part leads to nothing; or see `expanded`.
    """
    found: dict[pathlib.Path, None] = {}
    for part in [text] if os.path.exists(expanded(text)) else text.split(","):
        path = expanded(part.strip())
        paths = [path] if os.path.exists(path) else [pathlib.Path(name) for name in sorted(glob.glob(str(path)))]
        if not paths:
            raise UserError(f"nothing is at {path}")
        found.update(dict.fromkeys(paths))
    return list(found)
