"""From a video to an avatar in one go: captures, trains and renders; run again, it continues."""

import pathlib
from typing import Any

from absl import flags

from pegasus_jax.commands.folders import optional_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `create`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    flags.DEFINE_string("video", None, "a video file, or a folder of pictures.", required=True, **into)
    flags.DEFINE_string("workdir", None, "the work folder to make or to continue.", required=True, **into)
    flags.DEFINE_string("head", None, "a FLAME .pkl or a head .npz; $FLAME_PATH without it.", **into)
    flags.DEFINE_string("preset", None, "a config file; the one that fits this machine without it.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.pipeline.create`."""
    from pegasus_jax import pipeline

    pipeline.create(
        pathlib.Path(flag_values.video),
        pathlib.Path(flag_values.workdir),
        head=optional_path(flag_values.head),
        preset=flag_values.preset,
    )
