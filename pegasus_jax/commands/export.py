"""Exports a dataset folder's FLAME parameters and cameras as one file for other programs."""

import pathlib
from typing import Any

from absl import flags


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `export`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    flags.DEFINE_string("data", None, "a dataset folder.", required=True, **into)
    flags.DEFINE_string("out", None, "the .npz or .json to write.", required=True, **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.data.write_flame_sequence`."""
    from pegasus_jax.data import flame_sequence, read_dataset

    flame_sequence.check_suffix(flag_values.out)
    flame_sequence.write_flame_sequence(read_dataset(flag_values.data), pathlib.Path(flag_values.out))
