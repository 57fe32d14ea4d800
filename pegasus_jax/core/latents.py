"""Latents: one slot per category, each a constant one-hot and a learned code. Spec section 3.6.

Outside the networks a latent is a dict `category -> code (K,)`; only `flatten` makes the vector z, of size
S * (S + K) for S categories (PEGASUS: 9 * (9 + 32) = 369; PERSE: 10 * (10 + 32) = 420). With codes of size 0 there is
nothing to tell apart, so z is empty: the networks of PointAvatar.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.layers import normal
from pegasus_jax.errors import UserError

CATEGORIES = ("identity", "ears", "eyebrows", "eyes", "hair", "hat", "mouth", "nose", "eyeglasses")
PERSE_CATEGORIES = (
    "beard",
    "cloth",
    "earrings",
    "eyebrows",
    "hair",
    "hat",
    "headphones",
    "mouth",
    "nose",
    "skin",
)  # the published slots; the person's own code is in several of them
CODE_STD = 0.25
Latent = dict[str, jax.Array]


def check_slots(wanted: tuple[str, ...], slots: tuple[str, ...]) -> None:
    """Raises:
    UserError: looks of a category are wanted that a latent of these slots has no place for.
    """
    for category in wanted:
        if category not in slots:
            raise UserError(
                f"This config's latent has no slot for {category}: it has {', '.join(slots)}; leave these folders "
                "out, or train them with a config of another family."
            )


def latent_size(num_categories: int, code_size: int) -> int:
    """Length of z."""
    return num_categories * (num_categories + code_size) if code_size else 0


def flatten(latent: Latent, *, categories: tuple[str, ...] = CATEGORIES) -> jax.Array:
    """The conditioning vector z: for each of the categories in order, its one-hot and then its code."""
    if not latent[categories[0]].size:
        return jnp.zeros(0, jnp.float32)
    one_hots = jnp.eye(len(categories), dtype=jnp.float32)
    return jnp.concatenate([part for i, name in enumerate(categories) for part in (one_hots[i], latent[name])])


class LatentTable(nnx.Module):
    """The learned codes: `base` (R, K) of the person as filmed, and `looks` (L, K), one per part-swapped video.

    A look replaces the base code of its category. With `sources` None every category has a base code of its own: the
    code that the published PEGASUS calls "zero code" is that of a category which no video of the run wears (`hat` of a
    person without a hat). PERSE has reference codes for its `sources`, and one zero code, the last row, for all others.
    """

    def __init__(
        self,
        *,
        code_size: int,
        look_categories: tuple[str, ...],
        categories: tuple[str, ...] = CATEGORIES,
        sources: tuple[str, ...] | None = None,
        code_std: float = CODE_STD,
        rngs: nnx.Rngs,
    ):
        self.look_categories, self.categories = look_categories, categories
        own = categories if sources is None else sources
        self.base_rows = tuple(own.index(name) if name in own else len(own) for name in categories)  # of `base`
        key = rngs.params
        self.base = nnx.Param(normal(key(), (1 + max(self.base_rows), code_size), code_std))
        if look_categories:
            self.looks = nnx.Param(normal(key(), (len(look_categories), code_size), code_std))

    def latent(self, look: int | jax.Array = 0) -> Latent:
        """The latent of a look, by its number among the avatar's: 0 is the person as filmed, then the rows of `looks`.

        The number may be traced: one compiled program serves all looks.
        """
        codes = {name: self.base[...][row] for name, row in zip(self.categories, self.base_rows)}
        if not self.look_categories:
            return codes
        slot = self.slots()[look]
        code = self.own_code(look)
        return {name: jnp.where(slot == i, code, base) for i, (name, base) in enumerate(codes.items())}

    def own_code(self, look: int | jax.Array) -> jax.Array:
        """The code (K,) of a part-swapped video's look, from 1 on; of look 0, which has none, that of look 1."""
        return self.looks[...][jnp.maximum(look - 1, 0)]

    def slots(self) -> jax.Array:
        """(1 + L,) int32: the slot whose base code each look replaces; -1 for the person as filmed."""
        return jnp.asarray([-1, *(self.categories.index(name) for name in self.look_categories)], jnp.int32)
