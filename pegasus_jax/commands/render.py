"""Renders an avatar into a video, driven by a dataset folder or on an orbit around the head."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path
from pegasus_jax.errors import UserError


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `render`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("workdir", None, "the work folder of a training run.", required=True, **into)
    define_output("out", None, "the .mp4 to write.", required=True, **into)
    define_path("drive", None, "a dataset folder whose motion the avatar follows.", **into)
    flags.DEFINE_boolean("orbit", False, "move the camera around the head.", **into)
    flags.DEFINE_string("look", None, "a trained look's name or a look file; the person as filmed without it.", **into)
    flags.DEFINE_integer("image_size", 512, "side of the picture in pixels.", lower_bound=16, upper_bound=8192, **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.inference.render_clip`."""
    if flag_values.out.suffix.lower() != ".mp4":
        raise UserError(f"--out={flag_values.out} must end in .mp4.")
    if not flag_values.drive and not flag_values.orbit:
        raise UserError("render needs --drive=DATASET_FOLDER, or --orbit, or both.")
    from pegasus_jax import inference

    inference.render_clip(
        flag_values.workdir,
        drive=flag_values.drive,
        orbit=flag_values.orbit,
        look=flag_values.look,
        out=flag_values.out,
        image_size=flag_values.image_size,
    )
