"""Measures a training run on the held-out frames of dataset folders, as a json and a table."""

import pathlib
from typing import Any

from absl import flags

from pegasus_jax.commands.folders import dataset_folders, optional_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `evaluate`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    flags.DEFINE_string("workdir", None, "the work folder of a training run.", required=True, **into)
    flags.DEFINE_list("data", None, "dataset folders; those of the run without it.", **into)
    flags.DEFINE_string("out", None, "the .json to write; into the work folder without it.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.evaluation.report.evaluate_run`."""
    data = dataset_folders(flag_values.data) if flag_values.data else None
    from pegasus_jax.evaluation import report

    report.evaluate_run(pathlib.Path(flag_values.workdir), data=data, out=optional_path(flag_values.out))
