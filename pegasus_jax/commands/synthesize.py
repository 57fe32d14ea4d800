"""Makes a part-swapped video: a target's clip with a donor's hair, hat, eyes, eyebrows, nose or mouth."""

import pathlib
from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path
from pegasus_jax.errors import UserError
from pegasus_jax.paths import expanded


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `synthesize`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("plan", None, "a .json of many such jobs; what is done is skipped.", **into)
    flags.DEFINE_integer("array_index", 0, "of a plan's jobs, which share is this process's, from 0.", **into)
    flags.DEFINE_integer("array_size", 1, "into how many shares a plan's jobs are divided.", **into)
    define_path("target", None, "the dataset folder of the person who wears the part.", **into)
    define_path("donor", None, "the work folder, or .npz, of the avatar that lends it.", **into)
    flags.DEFINE_string("attribute", None, "hair, hat, eyes, eyebrows, nose or mouth.", **into)
    define_output("out", None, "the dataset folder to write.", **into)
    flags.DEFINE_string("bald", "inpaint", "how hair is removed: inpaint, diffusion, or a folder of frames.", **into)
    flags.DEFINE_string("diffusion_model", None, "folder or name; Stable Diffusion 1.5 without it.", **into)
    flags.DEFINE_string("diffusion_controlnet", None, "folder or name; inpainting's v1.1 without it.", **into)
    define_path("head", None, "the head model of the capture; found by its hash without it.", **into)
    define_path("target_avatar", None, "the target's own work folder, for the normal loss.", **into)
    define_path("donor_data", None, "the donor's dataset folder, if its avatar does not name it.", **into)
    flags.DEFINE_string("parts", None, "ATTRIBUTE=FOLDER of masks for the donor's frames.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.synthesis.synthesize`, or `run_plan`."""
    single = {name: flag_values[name].value for name in ("target", "donor", "attribute", "out")}
    if flag_values.plan:
        if any(single.values()):
            raise UserError("synthesize takes either --plan or --target, --donor, --attribute and --out.")
        from pegasus_jax.synthesis.plan import run_plan

        return run_plan(
            flag_values.plan,
            array_index=flag_values.array_index,
            array_size=flag_values.array_size,
            diffusion_models=_diffusion_models(flag_values),
        )
    missing = [f"--{name}" for name, value in single.items() if not value]
    if missing:
        raise UserError(f"synthesize: please give {' and '.join(missing)}, or --plan.")
    from pegasus_jax.synthesis import synthesize

    synthesize(
        flag_values.target,
        donor=flag_values.donor,
        attribute=flag_values.attribute,
        out=flag_values.out,
        bald=flag_values.bald,
        diffusion_models=_diffusion_models(flag_values),
        head=flag_values.head,
        target_avatar=flag_values.target_avatar,
        donor_data=flag_values.donor_data,
        donor_parts=_parts_folder(flag_values.parts, flag_values.attribute),
    )


def _diffusion_models(flag_values: flags.FlagValues):
    from pegasus_jax.synthesis.stable_diffusion import DiffusionModels

    given = {"base": flag_values.diffusion_model, "controlnet": flag_values.diffusion_controlnet}
    named = {name: str(expanded(value)) for name, value in given.items() if value}
    return DiffusionModels(**named, device=flag_values.device)


def _parts_folder(text: str | None, attribute: str) -> pathlib.Path | None:
    if text is None:
        return None
    name, _, folder = text.partition("=")
    if name != attribute or not expanded(folder).is_dir():
        raise UserError(f"--parts={text} must be {attribute}=FOLDER with a folder of masks 1.png, 2.png, …")
    return expanded(folder)
