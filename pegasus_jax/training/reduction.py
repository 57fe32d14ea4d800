"""How what the frames of one step ask of the parameters becomes one gradient, the same on every device."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

DEVICES = "devices"  # the axis that a step is written over


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Gradients:
    """What some frames ask of the parameters: means over those frames."""

    grads: Any  # as the parameters
    terms: dict[str, jax.Array]  # () each: losses and figures
    statistics: Any  # of the family's model: boolean leaves say what one of the frames shows, others are means

    def finite(self) -> jax.Array:
        """() bool: whether the loss and all gradients are."""
        checked = (self.terms["loss"], self.grads)
        return jax.tree.reduce(jnp.logical_and, jax.tree.map(lambda leaf: jnp.all(jnp.isfinite(leaf)), checked))


def over_devices(mine: Gradients) -> Gradients:
    """The mean over the axis `DEVICES`, each device's frames counting alike."""
    grads, terms = jax.lax.pmean((mine.grads, mine.terms), DEVICES)
    return Gradients(grads, terms, jax.tree.map(_joined, mine.statistics))


def in_order(frames: Gradients) -> Gradients:
    """The mean of F frames (leading axis F), added up from the first to the last: XLA chooses an order for its sums."""
    rows, count = (frames.grads, frames.terms), len(frames.terms["loss"])
    averaged = jax.tree.map(lambda leaf: leaf / count, _added_up(rows))
    statistics = jax.tree.map(
        lambda leaf: jnp.any(leaf, axis=0) if leaf.dtype == bool else _added_up(leaf) / count, frames.statistics
    )
    return Gradients(averaged[0], averaged[1], statistics)


def _joined(leaf: jax.Array) -> jax.Array:
    if leaf.dtype == bool:
        return jax.lax.pmax(leaf.astype(jnp.int32), DEVICES) > 0
    return jax.lax.pmean(leaf, DEVICES)


def _added_up(rows: Any) -> Any:
    """Sums over the first axis of every leaf, from the first row to the last."""
    start = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape[1:], leaf.dtype), rows)
    total, _ = jax.lax.scan(lambda total, row: (jax.tree.map(jnp.add, total, row), None), start, rows)
    return total
