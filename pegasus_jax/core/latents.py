"""Latents: one slot per category, each a constant one-hot and a learned code. Spec section 3.6.

Outside the networks a latent is a dict `category -> code (K,)`; only `flatten` makes the vector z, of size
S * (S + K) for S categories (paper: 9 * (9 + 32) = 369). With codes of size 0 there is nothing to tell apart, so z is
empty: the networks of PointAvatar.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.layers import normal

CATEGORIES = ("identity", "ears", "eyebrows", "eyes", "hair", "hat", "mouth", "nose", "eyeglasses")
CODE_STD = 0.25
Latent = dict[str, jax.Array]


def latent_size(num_categories: int, code_size: int) -> int:
    """Length of z."""
    return num_categories * (num_categories + code_size) if code_size else 0


def flatten(latent: Latent) -> jax.Array:
    """The conditioning vector z: for each category in order, its one-hot and then its code."""
    if not latent[CATEGORIES[0]].size:
        return jnp.zeros(0, jnp.float32)
    one_hots = jnp.eye(len(CATEGORIES), dtype=jnp.float32)
    return jnp.concatenate([part for i, name in enumerate(CATEGORIES) for part in (one_hots[i], latent[name])])


class LatentTable(nnx.Module):
    """The learned codes: `base` (S, K), one per category, and `looks` (L, K), one per part-swapped video.

    A look replaces the base code of its category. The code that the published model calls "zero code" is the base
    code of a category that no video of the run wears (`hat` of a person without a hat).
    """

    def __init__(self, *, code_size: int, look_categories: tuple[str, ...], rngs: nnx.Rngs):
        self.look_categories = look_categories
        key = rngs.params
        self.base = nnx.Param(normal(key(), (len(CATEGORIES), code_size), CODE_STD))
        if look_categories:
            self.looks = nnx.Param(normal(key(), (len(look_categories), code_size), CODE_STD))

    def latent(self, look: int | jax.Array = 0) -> Latent:
        """The latent of a look, by its number among the avatar's: 0 is the person as filmed, then the rows of `looks`.

        The number may be traced: one compiled program serves all looks.
        """
        codes = dict(zip(CATEGORIES, self.base[...]))
        if not self.look_categories:
            return codes
        slot = self.slots()[look]
        code = self.looks[...][jnp.maximum(look - 1, 0)]
        return {name: jnp.where(slot == i, code, base) for i, (name, base) in enumerate(codes.items())}

    def slots(self) -> jax.Array:
        """(1 + L,) int32: the slot whose base code each look replaces; -1 for the person as filmed."""
        return jnp.asarray([-1, *(CATEGORIES.index(name) for name in self.look_categories)], jnp.int32)
