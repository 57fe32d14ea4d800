"""Zero-shot transfer: a person wears hair, a hat or features that another's generative avatar has learned."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `fuse`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("source", None, "the work folder, or .npz, of the avatar that lends.", required=True, **into)
    define_path("target", None, "the work folder, or .npz, of the one that wears.", required=True, **into)
    flags.DEFINE_list("attributes", "hair", "what is lent, such as hair,hat.", **into)
    flags.DEFINE_boolean("per_look", False, "fit each look to the target by itself, not all alike.", **into)
    define_output("out", None, "the folder to write; every command takes it as an avatar.", required=True, **into)
    flags.DEFINE_integer(
        "image_size", 256, "side of the sheet's pictures in pixels.", lower_bound=16, upper_bound=8192, **into
    )


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.inference.fuse_files`."""
    from pegasus_jax import inference

    inference.fuse_files(
        flag_values.source,
        flag_values.target,
        flag_values.attributes,
        per_look=flag_values.per_look,
        out=flag_values.out,
        image_size=flag_values.image_size,
    )
