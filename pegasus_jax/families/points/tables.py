"""Learned tables of which a step shows some rows: tracking corrections by frame, codes by category and by look.

Adam would move the other rows too, by the momentum that they have; here they stay, moments and all.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.data.frames import Batch
from pegasus_jax.training.state import Params


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Touched:
    """Rows of the tables that a step shows."""

    frames: jax.Array  # (F,) bool: corrections
    base: jax.Array  # (S,) bool: base codes
    looks: jax.Array  # (L,) bool: codes of part-swapped videos


def touched(graphdef: nnx.GraphDef, params: Params, batch: Batch) -> Touched:
    """The rows that some frames show: of each frame, all base codes but the one that its look replaces."""
    table, looks = nnx.merge(graphdef, params.networks).latents, batch.look
    replaced = table.slots()[looks]
    return Touched(
        frames=jnp.zeros(params.tracking.pose.shape[0], bool).at[batch.frame].set(True),
        base=jnp.any(jnp.arange(len(latents.CATEGORIES))[:, None] != replaced[None], axis=1),
        looks=jnp.any(jnp.arange(1, 1 + len(table.look_categories))[:, None] == looks[None], axis=1),
    )


def hold_untouched(new: Params, old: Params, rows: Touched) -> Params:
    """`new`, with the rows of `old` where tables were not touched; parameters, or Adam's moments of them."""

    def codes(path, new_leaf, old_leaf):
        if path[0].key != "latents":
            return new_leaf
        return _where(rows.base if path[1].key == "base" else rows.looks, new_leaf, old_leaf)

    return dataclasses.replace(
        new,
        networks=jax.tree_util.tree_map_with_path(codes, new.networks, old.networks),
        tracking=jax.tree.map(lambda a, b: _where(rows.frames, a, b), new.tracking, old.tracking),
    )


def _where(rows: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(rows.reshape(-1, *[1] * (new.ndim - 1)), new, old)
