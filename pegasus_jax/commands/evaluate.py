"""Measures avatars on the held-out frames of dataset folders by one of several protocols, as a json and a table."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import dataset_folders, define_output, existing
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import protocols


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `evaluate`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    flags.DEFINE_multi_string("workdir", None, "an avatar's work folder; several to compare.", required=True, **into)
    flags.DEFINE_multi_string("data", None, "dataset folders; those of the run without it.", **into)
    flags.DEFINE_enum("protocol", protocols.NAMES[0], protocols.NAMES, "what to measure: docs/evaluation.md.", **into)
    flags.DEFINE_multi_string("set", [], "KEY=VALUE changes a setting of the protocol, such as a count.", **into)
    define_output("out", None, "the .json to write; into the work folder without it.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.evaluation.report.evaluate_run`, or `compare_runs` for several work folders."""
    workdirs, out = existing(flag_values.workdir, flag="workdir"), flag_values.out
    if out is None and len(workdirs) > 1:
        raise UserError("Comparing several work folders needs --out=FILE.json.")
    data = dataset_folders(flag_values.data) if flag_values.data else None
    from pegasus_jax.evaluation import report

    protocol = protocols.configured(flag_values.protocol, flag_values.set)
    if out is None or len(workdirs) == 1:
        report.evaluate_run(workdirs[0], protocol=protocol, data=data, out=out)
    else:
        report.compare_runs(workdirs, protocol=protocol, data=data, out=out)
