"""The looks that an avatar was trained on, by name: what a user's words mean in codes."""

import dataclasses
import math
import numbers
import zlib
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from pegasus_jax.core.avatar import Swap
from pegasus_jax.core.latents import Latent, LatentTable
from pegasus_jax.editing import algebra
from pegasus_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class TrainedLooks:
    """L looks of one category each, and the person as filmed, who has a code of every category."""

    names: tuple[str, ...]  # (1 + L): the person first
    table: LatentTable

    @property
    def categories(self) -> tuple[str, ...]:
        """The category of each look but the first."""
        return self.table.look_categories

    def latent(self, look: str | None = None) -> Latent:
        """The latent of a look; the person as filmed by default.

        Raises:
            UserError: no such look.
        """
        return self.table.latent(0 if look is None else self._index(look))

    def compose(self, base: Mapping[str, jax.Array], swaps: Mapping[str, Swap]) -> Latent:
        """`base` with other looks' codes, `category -> look` or `category -> (look, weight)`. Spec section 13.

        Weight 0 keeps the base's code and 1 takes the look's; other finite weights lie on the line through both.

        Raises:
            UserError: no such category or look, a look of another category, or a weight that is no finite number.
        """
        codes = {}
        for category, wanted in swaps.items():
            look, weight = _look_and_weight(category, wanted)
            codes[category] = self._code(category, look), weight
        return algebra.compose(base, codes)

    def sample(self, base: Mapping[str, jax.Array], categories: Sequence[str], *, seed: int, number: int = 0) -> Latent:
        """`base` with random codes in some categories, each from its own looks' statistics. Spec section 13.

        The draw is a function of seed, number and category alone: more samples or categories leave it as it is.

        Raises:
            UserError: no such category, or one with fewer than two looks.
        """
        codes = {}
        for category in categories:
            key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(category.encode()))
            codes[category] = algebra.sample(self._codes(category), key=jax.random.fold_in(key, number)), 1.0
        return algebra.compose(base, codes)

    def _index(self, look: str) -> int:
        if look not in self.names:
            raise UserError(f"The avatar has no look named {look!r}; it has {', '.join(self.names)}.")
        return self.names.index(look)

    def _code(self, category: str, look: str) -> jax.Array:
        self._check_category(category)
        index = self._index(look)
        own = self.table.look_categories[index - 1] if index else category
        if own != category:
            fitting = ", ".join([self.names[0], *self._of(category)])
            raise UserError(f"{look} is a look of {own}, not of {category}; for {category} there are {fitting}.")
        return self.latent(look)[category]

    def _codes(self, category: str) -> jax.Array:
        """(M, K): the learned codes of one category, which its name alone decides."""
        self._check_category(category)
        names = self._of(category)
        if len(names) < 2:
            has = f"one ({names[0]})" if names else "none"
            raise UserError(f"Sampling {category} needs two trained looks of it or more; the avatar has {has}.")
        return jnp.stack([self.latent(name)[category] for name in names])

    def _of(self, category: str) -> list[str]:
        return [name for name, own in zip(self.names[1:], self.table.look_categories) if own == category]

    def _check_category(self, category: str) -> None:
        if category not in self.table.categories:
            raise UserError(f"There is no category {category!r}; there are {', '.join(self.table.categories)}.")


def _look_and_weight(category: str, wanted: Swap) -> tuple[str, float]:
    match wanted:
        case str():
            return wanted, 1.0
        case (str(look), weight):
            if not isinstance(weight, numbers.Real) or not math.isfinite(weight):
                raise UserError(f"The weight of {look} for {category} must be a finite number; got {weight}.")
            return look, float(weight)
    raise UserError(f"{category} must be a look's name, or its name and a weight; got {wanted}.")
