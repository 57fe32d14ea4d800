"""A client's choice of looks: for every category whose look it wears, and how much of it."""

import dataclasses
from collections.abc import Mapping

from pegasus_jax.core.avatar import Avatar
from pegasus_jax.editing import Composition, Look, Swap

FILMED = "as filmed"


def choices(avatar: Avatar) -> dict[str, tuple[str, ...]]:
    """The looks of each category that the avatar has any of."""
    trained = avatar.trained_looks
    found: dict[str, list[str]] = {}
    for name, category in zip(trained.names[1:], trained.categories):
        found.setdefault(category, [FILMED]).append(name)
    return {category: tuple(names) for category, names in found.items()}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is worn in some categories, and a random draw beneath it."""

    worn: Mapping[str, tuple[str, float]] = dataclasses.field(default_factory=dict)  # category -> look, weight
    drawn: tuple[str, ...] = ()  # categories of which a code is drawn
    number: int = 0  # of the draw

    def look(self, avatar: Avatar) -> Look:
        """The chosen look, with words for how it was made."""
        start = Look(avatar.looks[0], avatar.latent())
        if self.drawn:
            drawn = avatar.sample(*self.drawn, seed=0, number=self.number)
            start = Look(f"{start.how}, {', '.join(self.drawn)} drawn as number {self.number}", drawn)
        swaps: dict[str, Swap] = {
            category: (look, weight) for category, (look, weight) in self.worn.items() if look != FILMED and weight
        }
        return Composition(swaps).looks(avatar.trained_looks, start)[0] if swaps else start
