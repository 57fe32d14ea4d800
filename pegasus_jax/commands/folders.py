"""Flags that name files and folders, and what they lead to."""

import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from pegasus_jax import atomic, paths
from pegasus_jax.errors import UserError


class _PathParser(flags.ArgumentParser):
    """A path, with `~` expanded; nothing, as an unset variable of a shell gives it, is no path."""

    def parse(self, argument: Any) -> pathlib.Path | None:
        return paths.expanded(argument) if argument else None


class _OutputParser(_PathParser):
    """A path that the command is going to write to."""


def define_path(
    name: str, default: str | None, description: str, *, flag_values: flags.FlagValues, required: bool = False
) -> None:
    """Defines a flag whose value is a `pathlib.Path`."""
    flags.DEFINE(_PathParser(), name, default, description, flag_values=flag_values, required=required)


def define_output(
    name: str, default: str | None, description: str, *, flag_values: flags.FlagValues, required: bool = False
) -> None:
    """Defines a flag that names what the command makes; `check_outputs` looks whether it can be made."""
    flags.DEFINE(_OutputParser(), name, default, description, flag_values=flag_values, required=required)


def check_outputs(flag_values: flags.FlagValues) -> None:
    """Looks whether what the flags name can be written there: before any work, not after it.

    Raises:
        UserError: it cannot.
    """
    for name in flag_values:
        flag = flag_values[name]
        if isinstance(flag.parser, _OutputParser) and flag.value is not None:
            atomic.check_place(flag.value)


def dataset_folders(patterns: Sequence[str]) -> list[pathlib.Path]:
    """The dataset folders meant by names and glob patterns, in order, each once.

    A folder that is none stands for all dataset folders below it; where there are none, for itself, so that reading it
    says what it lacks.

    Raises:
        UserError: a name or pattern leads to no folder.
    """
    found: dict[pathlib.Path, None] = {}
    for pattern in patterns:
        folders = [path for path in existing([pattern], flag="data") if path.is_dir()]
        if not folders:
            raise UserError(f"--data: no folder matches {pattern}; make one by launch.py capture.")
        from pegasus_jax import data  # only now: a misspelt folder is answered at once

        for folder in folders:
            found.update(dict.fromkeys(data.dataset_folders(folder) or [folder]))
    return list(found)


def existing(patterns: Sequence[str], *, flag: str) -> list[pathlib.Path]:
    """The files and folders meant by names and glob patterns, in order, each once; see `paths.matching`.

    Raises:
        UserError: one of them leads to nothing.
    """
    found: dict[pathlib.Path, None] = {}
    for pattern in patterns:
        try:
            found.update(dict.fromkeys(paths.matching(pattern)))
        except UserError as error:
            advice = "repeat the flag for names with commas" if "," in pattern else "check the path"
            raise UserError(f"--{flag}={pattern}: {error}; {advice}.") from error
    return list(found)
