"""Which looks a run learns: the person as filmed, and one for each part-swapped folder."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pegasus_jax.core.latents import CATEGORIES, PERSE_CATEGORIES
from pegasus_jax.data import Dataset
from pegasus_jax.errors import UserError

_SWAPPABLE = tuple(dict.fromkeys((*CATEGORIES[1:], *PERSE_CATEGORIES)))  # all but the identity
_SAME_SHAPE = 1e-4  # betas are copied; json keeps more digits than that


@dataclasses.dataclass(frozen=True)
class Sources:
    """A run's dataset folders by what they show; look number 0 is the person as filmed, 1 the first swapped folder."""

    own: tuple[Dataset, ...]
    swapped: tuple[Dataset, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the looks: that of the first own folder, then "hair/ada" and so on."""
        return (self.own[0].look, *(dataset.look for dataset in self.swapped))

    @property
    def categories(self) -> tuple[str, ...]:
        """The latent category of each swapped folder's look."""
        return tuple(dataset.synthesis.attribute for dataset in self.swapped if dataset.synthesis)


def sources(datasets: Sequence[Dataset]) -> Sources:
    """Tells own and part-swapped folders apart by what their `capture.json` says, never by their names.

    Raises:
        UserError: a swapped folder has an unknown attribute, no masks of it, or another person's shape; two of them
            have one attribute and donor; or there is no video of the person as filmed.
    """
    own = tuple(dataset for dataset in datasets if dataset.synthesis is None)
    swapped = tuple(dataset for dataset in datasets if dataset.synthesis is not None)
    if not own:
        raise UserError(
            f"{swapped[0].folder} shows {swapped[0].look} on a person, and --data names no video of that person as "
            "filmed; add that folder."
        )
    first: dict[str, Dataset] = {}
    found = Sources(own, swapped)
    for dataset, attribute in zip(swapped, found.categories):
        _check_attribute(dataset, attribute)
        _check_person(dataset, own)
        other = first.setdefault(dataset.look, dataset)
        if other is not dataset:
            raise UserError(f"{other.folder} and {dataset.folder} both show {dataset.look}; give one of the two.")
    return found


def _check_attribute(dataset: Dataset, attribute: str) -> None:
    if attribute not in _SWAPPABLE:
        raise UserError(
            f"{dataset.folder}: the attribute in capture.json is {attribute!r}; it must be one of "
            f"{', '.join(_SWAPPABLE)}."
        )
    if attribute not in dataset.part_names:
        raise UserError(f"{dataset.folder} has no masks of its new {attribute}: parts/{attribute} is missing.")


def _check_person(dataset: Dataset, own: Sequence[Dataset]) -> None:
    if not any(np.allclose(dataset.betas, person.betas, atol=_SAME_SHAPE) for person in own):
        raise UserError(
            f"{dataset.folder} shows another person than {own[0].folder}: their shapes differ; train a person with "
            "the folders made from their own videos."
        )
