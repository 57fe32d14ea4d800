"""`launch.py fuse`: zero-shot transfer of attributes from one avatar to another. Spec section 12."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

from pegasus_jax import atomic, families, media, progress
from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.latents import Latent
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import NECK
from pegasus_jax.inference import clip
from pegasus_jax.inference.load import FUSED_FILE, load

REPORT, SHEET = "fusion.json", "figures/steps.png"
_YAWS = (0.0, 0.45, -0.45)  # radians: the views of the sheet
_OTHER_LOOKS = 2  # in the sheet, at most


def fuse(source: Avatar, target: Avatar, attributes: Sequence[str], *, per_look: bool = False) -> Avatar:
    """The target with attributes of the source: an avatar like any other, without training.

    The source is a generative avatar, or any avatar for its own hair; the target need not know more than the outline of
    its own hair. `per_look` fits the part to the target for each look anew, instead of once for the attribute's first.

    Raises:
        UserError: the two are of different families or have different head models, one of them cannot be fused, the
            source never learned an attribute, or a segmentation cue selects nothing or everything.
    """
    for avatar, name in ((source, "source"), (target, "target")):
        if "fuse" not in avatar.capabilities:
            raise UserError(f"The {name} is an avatar of {avatar.description.family} that cannot be fused (again).")
    ours, theirs = source.description.family, target.description.family
    if ours != theirs:
        raise UserError(f"The source is an avatar of {ours}, the target one of {theirs}; train both in one family.")
    _check_heads(source, target)
    return families.find(ours).fuse(source, target, attributes, per_look=per_look)


def _check_heads(source: Avatar, target: Avatar) -> None:
    ours, theirs = source.description, target.description
    if ours.head_sha256 != theirs.head_sha256:
        raise UserError(
            f"The source has the head model {ours.head_name} ({ours.head_sha256[:8]}…), the target {theirs.head_name} "
            f"({theirs.head_sha256[:8]}…); only avatars of one head model can be fused: train one of them anew."
        )
    if not np.array_equal(source.head.v_template, target.head.v_template):
        raise UserError(
            "Two avatars of which one has a person's shape baked into its head model cannot be fused; train both here."
        )


def fuse_files(
    source: pathlib.Path,
    target: pathlib.Path,
    attributes: Sequence[str],
    *,
    per_look: bool,
    out: pathlib.Path,
    image_size: int,
) -> None:
    """Fuses the avatars of two work folders (or `.npz`) into a new folder.

    It holds the avatar (`fused.npz`), `fusion.json` with the distances before and after alignment, and
    `figures/steps.png`: source, target, and the avatar after each step.

    Raises:
        UserError: what `load` and `fuse` say, or `out` already holds something.
    """
    with atomic.folder(out) as folder:
        lender, recipient = load(source), load(target)
        fused = fuse(lender, recipient, attributes, per_look=per_look)
        fused.save(folder / FUSED_FILE)
        (folder / REPORT).write_text(json.dumps(fused.alignment_report(), indent=1) + "\n")
        made = media.rendered(f"{' and '.join(attributes)} of {lender.looks[0]} on {recipient.looks[0]}")
        sheet = _sheet(fused, lender, recipient, image_size=image_size)
        media.write_image(folder / SHEET, sheet, disclosure=made)
    for attribute, distances in fused.alignment_report().items():
        for look, (before, after) in distances.items():
            progress.note(
                f"{attribute}, aligned for {look}: d1 + d2 from {before:.2e} to {after:.2e} squared head units."
            )


def _sheet(fused: Avatar, source: Avatar, target: Avatar, *, image_size: int) -> np.ndarray:
    """Rows: the first look from several sides, then others; columns: the two avatars, and the steps."""
    views = [(fused.looks[0], yaw) for yaw in _YAWS] + [(look, _YAWS[0]) for look in fused.looks[2:][:_OTHER_LOOKS]]
    rows = []
    baked: dict[str, dict[str, BakedLook]] = {}
    for look, yaw in progress.bar(views, desc="Drawing the steps", unit="view"):
        if look not in baked:
            latent = fused.latent(look)
            baked[look] = {
                "source": source.bake(latent),
                "target": target.bake(),
                **_after_steps(fused, latent),
            }
        motion = clip.resting(fused, image_size=image_size).frames(np.zeros(1, int))
        motion.params.pose[:, NECK.start + 1] = yaw
        rows.append([clip.render_still(one, motion) for one in baked[look].values()])
    labels = list(next(iter(baked.values())))
    return media.contact_sheet(rows, labels=labels, row_labels=[look for look, _ in views])


def _after_steps(fused: Avatar, latent: Latent) -> dict[str, BakedLook]:
    """The look after each step of fusing, or the fused one alone where there are no steps."""
    return {name: fused.bake_step(latent, name) for name in fused.fusing_steps} or {"fused": fused.bake(latent)}
