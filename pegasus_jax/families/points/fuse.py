"""Zero-shot transfer of attributes from one avatar of points to another. Spec section 12."""

from collections.abc import Sequence

import numpy as np

from pegasus_jax import progress
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.data.frames import OWN_PART
from pegasus_jax.errors import UserError
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.families.points.fused import FusedPointAvatar
from pegasus_jax.families.points.fusion.align import align
from pegasus_jax.families.points.fusion.alignments import Alignments


def fuse(source: Avatar, target: Avatar, attributes: Sequence[str], *, per_look: bool = False) -> FusedPointAvatar:
    """The target with attributes of the source: an avatar like any other, without training.

    The source is a generative avatar, or any avatar for its own hair; the target need not know more than the outline of
    its own hair; both have one head model. `per_look` fits the part to the target for each look anew, instead of once
    for the attribute's first.

    Raises:
        UserError: the source never learned an attribute, or a segmentation cue selects nothing or everything.
    """
    if not attributes or len(set(attributes)) < len(attributes):
        raise UserError(f"Fusing takes one attribute or more, each named once; got {', '.join(attributes) or 'none'}.")
    assert isinstance(source, TrainedPointAvatar) and isinstance(target, TrainedPointAvatar)
    for attribute in attributes:
        _check_learned(source, attribute)
    rough = FusedPointAvatar(source, target, {attribute: Alignments.none() for attribute in attributes})
    return FusedPointAvatar(source, target, {name: _aligned(rough, name, per_look=per_look) for name in attributes})


def _check_learned(source: TrainedPointAvatar, attribute: str) -> None:
    learned = dict.fromkeys((OWN_PART, *source.model.networks.look_categories))
    if attribute not in learned:
        raise UserError(f"The source has never learned any {attribute}; it can lend {', '.join(learned)}.")


def _aligned(rough: FusedPointAvatar, attribute: str, *, per_look: bool) -> Alignments:
    codes, found = [], []
    for look in progress.bar(
        rough.aligned_looks(attribute, per_look=per_look), desc=f"Aligning {attribute}", unit="look"
    ):
        latent = rough.latent(look)
        part = rough.parts(latent)[attribute]
        source, target = rough.source.canonical(latent), rough.target.canonical()
        codes.append(np.asarray(latent[attribute]))
        found.append(align(source, target, rough.betas, filler=part.filler, worn=part.worn, removed=part.removed))
    return Alignments.of(codes, found)
