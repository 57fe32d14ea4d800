"""Learned tables of codes of which a step shows some rows: by category and by look.

Adam would move the other rows too, by the momentum that they have; here they stay, moments and all.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.latents import LatentTable

LATENTS = "latents"  # what networks call their table of codes


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Touched:
    """Rows of the tables that a step shows."""

    base: jax.Array  # (R,) bool: base codes
    looks: jax.Array  # (L,) bool: codes of part-swapped videos


def touched(table: LatentTable, looks: jax.Array) -> Touched:
    """The rows that frames of `looks` (B,) show: of each frame, all base codes but the one that its look replaces."""
    replaced = table.slots()[looks]
    slots = jnp.any(jnp.arange(len(table.categories))[:, None] != replaced[None], axis=1)
    of_row = np.arange(1 + max(table.base_rows))[:, None] == np.asarray(table.base_rows)[None]
    return Touched(
        base=jnp.any(of_row & slots[None], axis=1),
        looks=jnp.any(jnp.arange(1, 1 + len(table.look_categories))[:, None] == looks[None], axis=1),
    )


def hold_untouched(new: Any, old: Any, rows: Touched) -> Any:
    """Networks `new`, with the rows of `old` where tables were not touched; parameters, or Adam's moments of them."""

    def codes(path, new_leaf, old_leaf):
        if path[0].key != LATENTS:
            return new_leaf
        return _where(rows.base if path[1].key == "base" else rows.looks, new_leaf, old_leaf)

    return jax.tree_util.tree_map_with_path(codes, new, old)


def _where(rows: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)
