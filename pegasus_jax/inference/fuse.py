"""`launch.py fuse`: zero-shot transfer of attributes from one avatar to another. Spec section 12."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

from pegasus_jax import atomic, media, progress
from pegasus_jax.data.frames import OWN_PART
from pegasus_jax.errors import UserError
from pegasus_jax.families.points.avatar import Avatar
from pegasus_jax.families.points.fused import COMPOSED, FusedAvatar, Steps
from pegasus_jax.families.points.fusion.align import align
from pegasus_jax.families.points.fusion.alignments import Alignments
from pegasus_jax.flame.model import NECK
from pegasus_jax.inference import clip
from pegasus_jax.inference.any_avatar import AnyBaked
from pegasus_jax.inference.load import FUSED_FILE, load_trained

REPORT, SHEET = "fusion.json", "figures/steps.png"
_STEPS = {
    "composed": COMPOSED,
    "filled": Steps(align=False, blend=False),
    "aligned": Steps(blend=False),
    "blended": Steps(),
}
_YAWS = (0.0, 0.45, -0.45)  # radians: the views of the sheet
_OTHER_LOOKS = 2  # in the sheet, at most


def fuse(source: Avatar, target: Avatar, attributes: Sequence[str], *, per_look: bool = False) -> FusedAvatar:
    """The target with attributes of the source: an avatar like any other, without training.

    The source is a generative avatar, or any avatar for its own hair; the target need not know more than the outline of
    its own hair. `per_look` fits the part to the target for each look anew, instead of once for the attribute's first.

    Raises:
        UserError: the two have different head models, the source never learned an attribute, or a segmentation cue
            selects nothing or everything.
    """
    if not attributes or len(set(attributes)) < len(attributes):
        raise UserError(f"Fusing takes one attribute or more, each named once; got {', '.join(attributes) or 'none'}.")
    _check_heads(source, target)
    for attribute in attributes:
        _check_learned(source, attribute)
    rough = FusedAvatar(source, target, {attribute: Alignments.none() for attribute in attributes})
    return FusedAvatar(source, target, {name: _aligned(rough, name, per_look=per_look) for name in attributes})


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
        fused = fuse(load_trained(source), load_trained(target), attributes, per_look=per_look)
        fused.save(folder / FUSED_FILE)
        report = {attribute: _report(fused, attribute) for attribute in attributes}
        (folder / REPORT).write_text(json.dumps(report, indent=1) + "\n")
        made = media.rendered(f"{' and '.join(attributes)} of {fused.source.looks[0]} on {fused.target.looks[0]}")
        media.write_image(folder / SHEET, _sheet(fused, image_size=image_size), disclosure=made)
    for attribute, distances in report.items():
        for look, (before, after) in distances.items():
            progress.note(
                f"{attribute}, aligned for {look}: d1 + d2 from {before:.2e} to {after:.2e} squared head units."
            )


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


def _check_learned(source: Avatar, attribute: str) -> None:
    learned = dict.fromkeys((OWN_PART, *source.description.networks.look_categories))
    if attribute not in learned:
        raise UserError(f"The source has never learned any {attribute}; it can lend {', '.join(learned)}.")


def _looks(fused: FusedAvatar, attribute: str, *, per_look: bool) -> list[str]:
    """Names of the looks that the attribute is aligned for."""
    trained = fused.trained_looks
    names = [name for name, category in zip(trained.names[1:], trained.table.look_categories) if category == attribute]
    return names if per_look else names[:1]


def _aligned(rough: FusedAvatar, attribute: str, *, per_look: bool) -> Alignments:
    codes, found = [], []
    for look in progress.bar(_looks(rough, attribute, per_look=per_look), desc=f"Aligning {attribute}", unit="look"):
        latent = rough.latent(look)
        part = rough.parts(latent)[attribute]
        source, target = rough.source.canonical(latent), rough.target.canonical()
        codes.append(np.asarray(latent[attribute]))
        found.append(align(source, target, rough.betas, filler=part.filler, worn=part.worn, removed=part.removed))
    return Alignments.of(codes, found)


def _report(fused: FusedAvatar, attribute: str) -> dict[str, tuple[float, float]]:
    """d1 + d2 before and after, by the look that the attribute was aligned for."""
    found = fused.alignments[attribute]
    looks = _looks(fused, attribute, per_look=len(found.codes) > 1)
    return {look: (float(before), float(after)) for look, before, after in zip(looks, found.before, found.after)}


def _sheet(fused: FusedAvatar, *, image_size: int) -> np.ndarray:
    """Rows: the first look from several sides, then others; columns: the two avatars, and the steps."""
    views = [(fused.looks[0], yaw) for yaw in _YAWS] + [(look, _YAWS[0]) for look in fused.looks[2:][:_OTHER_LOOKS]]
    rows = []
    baked: dict[str, list[AnyBaked]] = {}
    for look, yaw in progress.bar(views, desc="Drawing the steps", unit="view"):
        if look not in baked:
            latent = fused.latent(look)
            baked[look] = [fused.source.bake(latent), fused.target.bake()]
            baked[look] += [fused.bake(latent, steps=steps) for steps in _STEPS.values()]
        motion = clip.resting(fused, image_size=image_size).frames(np.zeros(1, int))
        motion.pose[:, NECK.start + 1] = yaw
        rows.append([clip.render_still(one, motion) for one in baked[look]])
    labels = ["source", "target", *_STEPS]
    return media.contact_sheet(rows, labels=labels, row_labels=[look for look, _ in views])
