"""How fast each kind of parameter is learned: groups for `optax.multi_transform`, decaying exponentially over the run.

Gaussians that a step does not show stay where they are: Adam scales any gradient to its step, and the noise that
reaches what is hidden would turn unseen teeth into confetti.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from pegasus_jax.families.gaussians.params import Params

_MOMENTUM, _SECOND_MOMENTUM = 0.9, 0.99  # Adam's; a run has a few thousand steps
_SHOWN = 0.01  # compositing weight


@dataclasses.dataclass(frozen=True)
class Rate:
    """Adam's step size at the start and at the end of the run, and the share of the value that decays with it."""

    start: float
    end: float
    shrinking: float = 0.0


# Of offsets the unit is the freedom of the region: .05 is 0.6 thousandths of a head unit on a cheek.
RATES = {
    "offset": Rate(5e-2, 2.5e-3),
    "quaternion": Rate(3e-3, 1e-3),
    "log_scale": Rate(1e-2, 2e-3),
    "opacity_logit": Rate(3e-2, 5e-3),
    "colour": Rate(1.5e-2, 1.5e-3),
    "basis_offset": Rate(8e-3, 8e-4, 0.025),
    "basis_rotation": Rate(1e-3, 1e-4, 0.2),
    "basis_colour": Rate(1.5e-3, 1.5e-4, 0.13),
    "mixer": Rate(2e-3, 2e-4),
}


def labels(params: Params) -> Params:
    """Returns the name of each leaf's group, a tree like the parameters."""

    def name(path: tuple[Any, ...], leaf: jax.Array) -> str:
        group = path[0].name
        return f"basis_{path[1].name}" if group == "bases" else group

    return jax.tree_util.tree_map_with_path(name, params)


def optimiser(total_steps: int, *, bases_after: int = 0) -> optax.GradientTransformationExtraArgs:
    """Returns Adam with a rate for each group; `update` takes `shown` (N,), the largest compositing weights of a step.

    Args:
      total_steps: of the run.
      bases_after: steps before which bases and mixer rest.
    """
    groups = {}
    for name, rate in RATES.items():
        schedule = _decaying(rate, total_steps, bases_after if name.startswith("basis") or name == "mixer" else 0)
        groups[name] = optax.chain(
            optax.scale_by_adam(_MOMENTUM, _SECOND_MOMENTUM),
            optax.add_decayed_weights(rate.shrinking) if rate.shrinking else optax.identity(),
            optax.scale_by_learning_rate(schedule),
        )
    return optax.chain(optax.multi_transform(groups, labels), hold_hidden())


def hold_hidden() -> optax.GradientTransformationExtraArgs:
    """Returns a transformation that leaves alone what a step does not show: `shown` (N,) are compositing weights."""

    def update(updates: Params, state, params=None, *, shown: jax.Array, **_):
        drawn = jnp.asarray(shown > _SHOWN, jnp.float32)
        moved = jax.tree.map(lambda value: value * _aligned(drawn, value), dataclasses.replace(updates, mixer=()))  # type: ignore
        return dataclasses.replace(moved, mixer=updates.mixer), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def _aligned(drawn: jax.Array, value: jax.Array) -> jax.Array:
    """`drawn` (N,) with leading axes of length 1, as many as `value` (*, N) has."""
    return jnp.reshape(drawn, (1,) * (value.ndim - 1) + drawn.shape)


def _decaying(rate: Rate, total_steps: int, rests_until: int) -> optax.Schedule:
    decay = optax.exponential_decay(rate.start, total_steps, rate.end / rate.start, end_value=rate.end)
    return lambda step: jnp.where(step >= rests_until, decay(step), 0.0)
