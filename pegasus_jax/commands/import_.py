"""Turns a published checkpoint of PointAvatar or PEGASUS into an avatar that every command opens."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import dataset_folders, define_output, define_path
from pegasus_jax.errors import UserError


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `import`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("checkpoint", None, "the .pth of the run's ModelParameters.", required=True, **into)
    define_path("head", None, "the FLAME .pkl (or .npz) that the run used.", required=True, **into)
    define_output("out", None, "the .npz to write.", required=True, **into)
    flags.DEFINE_multi_string("data", None, "the run's dataset folders, for mean expression and shape.", **into)
    define_path("canonical_expression", None, "instead of --data, a .npy of 50 numbers.", **into)
    define_path("latents", None, "PEGASUS: the .pth of InputParameters, if it is elsewhere.", **into)
    flags.DEFINE_list("looks", [], "PEGASUS: the training list's folders in order, such as hair_Ada.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls the points' `import_avatar`: published avatars are of that family."""
    if flag_values.out.suffix.lower() != ".npz":
        raise UserError(f"--out={flag_values.out} must end in .npz.")
    data = dataset_folders(flag_values.data) if flag_values.data else []
    from pegasus_jax import families

    avatar = families.find("points").import_avatar(
        flag_values.checkpoint,
        head=flag_values.head,
        out=flag_values.out,
        data=data,
        canonical_expression=flag_values.canonical_expression,
        latents=flag_values.latents,
        looks=flag_values.looks,
    )
    print(f"{flag_values.out}: {avatar.size}, looks: {', '.join(avatar.looks)}")
