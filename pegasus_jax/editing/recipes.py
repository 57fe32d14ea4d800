"""The three ways to edit, each a recipe that turns names into looks. Spec section 13."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

import numpy as np

from pegasus_jax.core.avatar import LatentSpace, Swap
from pegasus_jax.core.latents import Latent
from pegasus_jax.editing import algebra


@dataclasses.dataclass(frozen=True)
class Look:
    """A latent, and how it was made in words for people."""

    how: str
    latent: Latent


class Recipe(Protocol):
    """What makes looks out of a look to start from."""

    flowing: ClassVar[bool]  # the looks are steps of one movement, not pictures to stay on

    def looks(self, trained: LatentSpace, start: Look) -> list[Look]:
        """The looks, each once."""
        ...

    def order(self) -> list[int]:
        """Which of the looks are shown, one after the other."""
        ...


@dataclasses.dataclass(frozen=True)
class Composition:
    """One look, with codes of other looks in some categories."""

    flowing: ClassVar[bool] = False
    swaps: Mapping[str, Swap]

    def looks(self, trained: LatentSpace, start: Look) -> list[Look]:
        """The composed look alone."""
        latent = trained.compose(start.latent, self.swaps)
        return [Look(f"{start.how} with {', '.join(map(_written, self.swaps.items()))}", latent)]

    def order(self) -> list[int]:
        """It is shown once."""
        return [0]


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """`steps` looks from the first to the second look of each category, both included."""

    flowing: ClassVar[bool] = True
    ends: Mapping[str, tuple[str, str]]
    steps: int  # 2 or more
    ping_pong: bool = False  # back again afterwards

    def looks(self, trained: LatentSpace, start: Look) -> list[Look]:
        """The steps, at equal distances."""
        first, last = (
            trained.compose(start.latent, {name: pair[i] for name, pair in self.ends.items()}) for i in (0, 1)
        )
        path = ", ".join(f"{category}:{a}>{b}" for category, (a, b) in self.ends.items())
        return [
            Look(f"{start.how} with {path} at {t:.3g}", algebra.interpolate(first, last, t))
            for t in np.linspace(0.0, 1.0, self.steps)
        ]

    def order(self) -> list[int]:
        """There, and back if asked; as published, the last look is shown twice on the way back."""
        there = list(range(self.steps))
        return there + there[::-1] if self.ping_pong else there


@dataclasses.dataclass(frozen=True)
class Sampling:
    """`count` looks with random codes in some categories."""

    flowing: ClassVar[bool] = False
    categories: Sequence[str]
    count: int
    seed: int

    def looks(self, trained: LatentSpace, start: Look) -> list[Look]:
        """The samples, numbered from 1."""
        names = ", ".join(self.categories)
        return [
            Look(
                f"{start.how} with {names} sampled (seed {self.seed}, number {number + 1})",
                trained.sample(start.latent, self.categories, seed=self.seed, number=number),
            )
            for number in range(self.count)
        ]

    def order(self) -> list[int]:
        """Each once."""
        return list(range(self.count))


def _written(swap: tuple[str, Swap]) -> str:
    """A swap as the command line writes it: hair:hair/ada or nose:nose/ben:0.3."""
    category, wanted = swap
    look, weight = (wanted, 1.0) if isinstance(wanted, str) else wanted
    return f"{category}:{look}" if weight == 1.0 else f"{category}:{look}:{weight:g}"
