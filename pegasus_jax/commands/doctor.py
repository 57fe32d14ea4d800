"""Checks this installation and says what to do: devices, rasteriser, models, disk and memory."""

from absl import flags

from pegasus_jax.commands.folders import define_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `doctor`."""
    define_path("head", None, "a head model to check.", flag_values=flag_values)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.doctor.examine`."""
    from pegasus_jax import doctor

    doctor.examine(head=flag_values.head)
