"""Tracks a clip of a person anew, by the person's own avatar: the same folder with better poses and expressions."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `track`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("workdir", None, "the work folder, or .npz, of an avatar of the person.", required=True, **into)
    define_path("data", None, "the dataset folder of the clip.", required=True, **into)
    define_output("out", None, "the dataset folder to make.", required=True, **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.inference.retrack.retrack_clip`."""
    from pegasus_jax.inference.retrack import retrack_clip

    print(retrack_clip(flag_values.workdir, flag_values.data, flag_values.out))
