"""Turns a video of a head into a dataset folder: frames, mattes, part masks and a fitted head."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `capture`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("video", None, "a video file, or a folder of pictures.", required=True, **into)
    define_output("out", None, "the dataset folder to make.", required=True, **into)
    define_path("head", None, "a FLAME .pkl or a head .npz; $FLAME_PATH without it.", **into)
    flags.DEFINE_integer("max_frames", None, "keep at most this many frames.", lower_bound=1, **into)
    flags.DEFINE_float("fps", None, "keep this many frames a second; all without it.", lower_bound=0, **into)
    flags.DEFINE_integer(
        "image_size", 512, "side of the square crop in pixels.", lower_bound=32, upper_bound=8192, **into
    )
    flags.DEFINE_string("attribute", None, "the attribute this video was made for, such as hair.", **into)
    flags.DEFINE_string("donor", None, "whom the attribute was taken from.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.capture.capture_video` and prints its summary."""
    from pegasus_jax import capture, flame

    summary = capture.capture_video(
        flag_values.video,
        flag_values.out,
        head=flame.load_head(flag_values.head),
        max_frames=flag_values.max_frames,
        fps=flag_values.fps,
        image_size=flag_values.image_size,
        attribute=flag_values.attribute,
        donor=flag_values.donor,
    )
    print(summary)
