"""Exports an avatar or a look as .npz, Gaussians, points or pictures, or a dataset folder's FLAME parameters."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path
from pegasus_jax.errors import UserError

_KINDS = ["avatar", "baked", "splats", "points", "pictures", "video", "web"]
_KIND_OF_SUFFIX = {
    ".ply": "splats",
    ".png": "pictures",
    **dict.fromkeys((".webm", ".mov", ".mp4"), "video"),  # of which the last is refused, with what to write instead
}


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `export`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("workdir", None, "the work folder, or .npz, of an avatar.", **into)
    define_path("data", None, "a dataset folder whose FLAME parameters are to be written instead.", **into)
    define_output("out", None, "the .npz, .ply, .png, .webm, .mov or .json, or a folder.", required=True, **into)
    flags.DEFINE_enum(
        "kind",
        None,
        _KINDS,
        "avatar: the whole as .npz; baked: one look as .npz that needs no network; splats: 3D Gaussians as .ply; "
        "points: coloured points as .ply; pictures: .png with alpha; video: .webm or .mov with alpha; web: a folder "
        "that is a web page. By the suffix without it: avatar, splats, pictures or video; with --sequence, splats.",
        **into,
    )
    flags.DEFINE_string("look", None, "a trained look's name or a look file; the person as filmed without it.", **into)
    define_path("drive", None, "a dataset folder that frames take pose, expression and camera from.", **into)
    flags.DEFINE_integer("frame", 1, "which frame of it, from 1.", lower_bound=1, **into)
    flags.DEFINE_boolean("sequence", False, "all its frames, each as a file in the folder --out.", **into)
    flags.DEFINE_boolean("half", False, "keep what is baked as float16.", **into)
    flags.DEFINE_integer(
        "image_size", 512, "side of the pictures that fit best, in pixels.", lower_bound=16, upper_bound=8192, **into
    )


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.inference.export_avatar`, or `pegasus_jax.data.write_flame_sequence`."""
    if (flag_values.workdir is None) == (flag_values.data is None):
        raise UserError("export needs --workdir=AVATAR or --data=DATASET_FOLDER, and not both.")
    if flag_values.data is not None:
        return _export_data(flag_values)
    out = flag_values.out
    by_suffix = "splats" if flag_values.sequence else _KIND_OF_SUFFIX.get(out.suffix.lower(), "avatar")
    kind: Any = flag_values.kind or by_suffix
    from pegasus_jax.inference import export

    export.export_avatar(
        flag_values.workdir,
        kind,
        look=flag_values.look,
        drive=flag_values.drive,
        frame=flag_values.frame,
        sequence=flag_values.sequence,
        dtype="float16" if flag_values.half else "float32",
        image_size=flag_values.image_size,
        out=out,
    )


def _export_data(flag_values: flags.FlagValues) -> None:
    from pegasus_jax.data import flame_sequence, read_dataset

    flame_sequence.check_suffix(flag_values.out)
    flame_sequence.write_flame_sequence(read_dataset(flag_values.data), flag_values.out)
