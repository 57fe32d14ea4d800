"""Learned tables of which a step shows some rows: codes by category and by look.

Adam would move the other rows too, by the momentum that they have; here they stay, moments and all.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core import latents
from pegasus_jax.core.latents import LatentTable
from pegasus_jax.families.points.state import Params


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Touched:
    """Rows of the tables that a step shows."""

    base: jax.Array  # (S,) bool: base codes
    looks: jax.Array  # (L,) bool: codes of part-swapped videos


def touched(table: LatentTable, looks: jax.Array) -> Touched:
    """The rows that frames of `looks` (B,) show: of each frame, all base codes but the one that its look replaces."""
    replaced = table.slots()[looks]
    return Touched(
        base=jnp.any(jnp.arange(len(latents.CATEGORIES))[:, None] != replaced[None], axis=1),
        looks=jnp.any(jnp.arange(1, 1 + len(table.look_categories))[:, None] == looks[None], axis=1),
    )


def hold_untouched(new: Params, old: Params, rows: Touched) -> Params:
    """`new`, with the rows of `old` where tables were not touched; parameters, or Adam's moments of them."""

    def codes(path, new_leaf, old_leaf):
        if path[0].key != "latents":
            return new_leaf
        return _where(rows.base if path[1].key == "base" else rows.looks, new_leaf, old_leaf)

    return dataclasses.replace(new, networks=jax.tree_util.tree_map_with_path(codes, new.networks, old.networks))


def _where(rows: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)
