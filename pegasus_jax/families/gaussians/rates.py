"""How fast each kind of parameter is learned: Adam's groups, decaying exponentially over the run.

Gaussians that a step does not show stay where they are: Adam scales any gradient to its step, and the noise that
reaches what is hidden would turn unseen teeth into confetti.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from pegasus_jax.core.model import Rate
from pegasus_jax.families.gaussians.params import Params

_SECOND_MOMENTUM = 0.99  # a run has a few thousand steps


@dataclasses.dataclass(frozen=True)
class Decay:
    """Adam's step size at the start and at the end of the run; it falls exponentially in between."""

    start: float
    end: float

    def at(self, share: jax.Array) -> jax.Array:
        """The step size after a share of the run."""
        return self.start * (self.end / self.start) ** jnp.clip(share, 0.0, 1.0)


# Of offsets the unit is the freedom of the region: .05 is 0.6 thousandths of a head unit on a cheek.
_GAUSSIANS = {
    "offset": Decay(5e-2, 2.5e-3),
    "quaternion": Decay(3e-3, 1e-3),
    "log_scale": Decay(1e-2, 2e-3),
    "opacity_logit": Decay(3e-2, 5e-3),
    "colour": Decay(1.5e-2, 1.5e-3),
}
_CORRECTIONS = {
    "basis_offset": Decay(8e-3, 8e-4),
    "basis_rotation": Decay(1e-3, 1e-4),
    "basis_colour": Decay(1.5e-3, 1.5e-4),
    "mixer": Decay(2e-3, 2e-4),
}


def adam() -> optax.GradientTransformation:
    """Returns Adam with the decays of a short run."""
    return optax.scale_by_adam(b2=_SECOND_MOMENTUM)


def labels(params: Params) -> Params:
    """Returns the name of each leaf's group, a tree like the parameters."""

    def name(path: tuple[Any, ...], leaf: jax.Array) -> str:
        group = path[0].name
        return f"basis_{path[1].name}" if group == "bases" else group

    return jax.tree_util.tree_map_with_path(name, params)


def rates(share: jax.Array, *, bases_after: float) -> dict[str, Rate]:
    """Returns each group's rate after a share of the run; bases and mixer rest until `bases_after` of it."""
    wait = jnp.where(share >= bases_after, 1.0, 0.0)
    found = {name: Rate(decay.at(share)) for name, decay in _GAUSSIANS.items()}
    return found | {name: Rate(wait * decay.at(share)) for name, decay in _CORRECTIONS.items()}


def hold_hidden(new: Params, old: Params, shown: jax.Array) -> Params:
    """Returns `new` parameters or moments for the Gaussians that are `shown` (N,) bool, `old` ones for the others."""

    def chosen(path: tuple[Any, ...], after: jax.Array, before: jax.Array) -> jax.Array:
        if path[0].name == "mixer":
            return after
        return jnp.where(jnp.reshape(shown, (1,) * (after.ndim - 1) + shown.shape), after, before)

    return jax.tree_util.tree_map_with_path(chosen, new, old)
