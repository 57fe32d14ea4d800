"""From a video to an avatar in one go: captures, trains and renders; run again, it continues."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `create`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("video", None, "a video file, or a folder of pictures.", required=True, **into)
    define_output("workdir", None, "the work folder to make or to continue.", required=True, **into)
    define_path("head", None, "a FLAME .pkl or a head .npz; $FLAME_PATH without it.", **into)
    flags.DEFINE_string("preset", None, "a config file; the one that fits this machine without it.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.pipeline.create`."""
    from pegasus_jax import pipeline

    pipeline.create(
        flag_values.video,
        flag_values.workdir,
        head=flag_values.head,
        preset=flag_values.preset,
    )
