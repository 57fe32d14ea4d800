"""A trained avatar of rigged Gaussians with looks: the person's, and what each look changes of it."""

import dataclasses
import functools
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.leaves import Leaf, checked, fingerprint_of, flat, unflat
from pegasus_jax.editing.trained import TrainedLooks
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import DESCRIPTION
from pegasus_jax.families.gaussians import looks
from pegasus_jax.families.gaussians.avatar import TrainedGaussianAvatar
from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.looks import Looks, Maps, Reach
from pegasus_jax.families.gaussians.unseen import with_unseen_filled
from pegasus_jax.npz_file import write_npz

LOOKS, REACH = "looks", "reach"  # what the names of these arrays begin with


class GenerativeGaussianAvatar(Avatar):
    """A person, and maps from codes to what they change."""

    capabilities = frozenset({"primitives", "looks", "program"})

    def __init__(self, person: TrainedGaussianAvatar, found: Looks, reach: Reach):
        """`reach` says whom the codes of each category may change."""
        self.person, self.found, self.reach = person, found, reach
        self.description, self.head = person.description, person.head
        self.betas, self.expression_c = person.betas, person.expression_c
        self._categories = tuple(self.description.model["look_categories"])

    @property
    def size(self) -> str:
        """The number of Gaussians."""
        return self.person.size

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:  # type: ignore[override]
        """The trained looks with their codes."""
        return TrainedLooks(self.description.looks, looks.table(self._categories, jnp.asarray(self.found.codes)))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the person's parameters and of all that looks are, as hex."""
        return fingerprint_of(self.found, start=self.person.fingerprint)

    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> GaussianLook:
        """The Gaussians under a latent (the person as filmed by default); always float32."""
        plain = self.person.bake()
        if latent is None:
            return plain
        slots = looks.slots(self._categories)
        codes = jnp.stack([jnp.asarray(latent[name], jnp.float32) for name in slots])
        mask = self.reach.under(slots, looks.strengths(self._categories, self.found.codes, codes))
        worn = looks.wear(self.person.trained_params, self.found.maps, mask, codes)
        filled = with_unseen_filled(worn, plain.rig, self.person.seen)
        may_change = np.any(np.asarray(mask)[np.any(np.asarray(codes) != 0.0, axis=1)] > 0.0, axis=0)
        colour = jnp.where(may_change[None], filled.colour, plain.params.colour)  # unseen ones, whoever is beside them
        return dataclasses.replace(plain, params=dataclasses.replace(filled, colour=colour))

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, the description among them: what `of_arrays` takes."""
        found = {name: np.asarray(leaf) for name, leaf in flat({LOOKS: self.found, REACH: self.reach}).items()}
        return self.person.arrays() | found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "GenerativeGaussianAvatar":
        """The inverse of `arrays`.

        Raises:
            UserError: they are of another version or damaged, or the head model is gone.
        """
        own = {name: arrays[name] for name in arrays if name.split(".")[0] in (LOOKS, REACH)}
        person = TrainedGaussianAvatar.of_arrays(
            {name: arrays[name] for name in arrays if name not in own}, where=where
        )
        if "look_categories" not in person.description.model:
            raise UserError(f"{where} is damaged: its {DESCRIPTION} names no categories; train or export it again.")
        blank = np.zeros(0)
        template = {LOOKS: Looks(Maps(*5 * (blank,)), blank), REACH: Reach(blank, blank)}  # type: ignore[arg-type]
        unflat(template, own, where=where)  # says which of them is unknown
        num = (len(looks.slots(tuple(person.description.model["look_categories"]))), len(person.binding))
        found = unflat(template, checked(own, _leaves(*num), where=where), where=where)
        return cls(person, *(jax.tree.map(jnp.asarray, found[name]) for name in (LOOKS, REACH)))

    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""
        write_npz(path, self.arrays())


def _leaves(num_categories: int, num_gaussians: int) -> dict[str, Leaf]:
    """What the arrays of looks have to be."""
    by_name = {"offset": (3,), "quaternion": (4,), "log_scale": (3,), "opacity_logit": (), "colour": (3,)}
    maps = {
        f"{LOOKS}.maps.{name}": Leaf((num_categories, "K", *inner, num_gaussians)) for name, inner in by_name.items()
    }
    share = Leaf((num_categories, num_gaussians), low=0.0, high=1.0)
    return maps | {f"{LOOKS}.codes": Leaf(("L", "K")), f"{REACH}.mask": share, f"{REACH}.cover": share}
