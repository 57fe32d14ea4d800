"""How what the frames of one step ask of the parameters becomes one gradient, the same on every device."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from pegasus_jax.families.points.tables import Touched

DEVICES = "devices"  # the axis that a step is written over


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Gradients:
    """What some frames ask of the parameters: means over those frames."""

    grads: Any  # as the parameters
    terms: dict[str, jax.Array]  # () each: losses and figures
    seen: jax.Array  # (capacity,) bool: points that one of the frames shows
    touched: Touched  # rows of tables that one of the frames shows

    def finite(self) -> jax.Array:
        """() bool: whether the loss and all gradients are."""
        checked = (self.terms["loss"], self.grads)
        return jax.tree.reduce(jnp.logical_and, jax.tree.map(lambda leaf: jnp.all(jnp.isfinite(leaf)), checked))


def over_devices(mine: Gradients) -> Gradients:
    """The mean over the axis `DEVICES`, each device's frames counting alike."""
    grads, terms = jax.lax.pmean((mine.grads, mine.terms), DEVICES)
    some = jax.tree.map(lambda rows: jax.lax.pmax(rows.astype(jnp.int32), DEVICES) > 0, (mine.seen, mine.touched))
    return Gradients(grads, terms, *some)


def in_order(frames: Gradients) -> Gradients:
    """The mean of F frames (leading axis F), added up from the first to the last: XLA chooses an order for its sums."""
    rows = (frames.grads, frames.terms)
    start = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), rows)
    total, _ = jax.lax.scan(lambda total, row: (jax.tree.map(jnp.add, total, row), None), start, rows)
    grads, terms = jax.tree.map(lambda leaf: leaf / len(frames.seen), total)
    some = jax.tree.map(lambda rows: jnp.any(rows, axis=0), (frames.seen, frames.touched))
    return Gradients(grads, terms, *some)
