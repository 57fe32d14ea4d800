"""Static choices of a run of PERSE: the family's part of a config."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from pegasus_jax.core.settings import typed
from pegasus_jax.families.gaussians.perse.networks import NetworkConfig
from pegasus_jax.families.gaussians.perse.schedule import Schedule


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the losses; the paper prints none: these are the released ones."""

    rgb: float = 1.0
    structural: float = 0.25
    perceptual: float = 0.1
    flame: float = 10.0
    latent: float = 0.1


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """Adam step sizes; all decay together by `decay` over the run, exponentially in frames."""

    networks: float = 1e-4  # and points
    codes: float = 5e-4  # 0: codes stay, as in the released code
    frames: float = 0.0  # of each frame's expression and pose; 0: they are as tracked
    decay: float = 1.0
    after: int = 10  # epochs before codes and frames move


@dataclasses.dataclass(frozen=True)
class PerseSettings:
    """The family's part of a config."""

    epoch: int  # frames
    networks: NetworkConfig
    schedule: Schedule
    weights: Weights
    rates: LearningRates
    warm_up: int = 1  # epochs
    warm_up_pose: Literal["off", "frozen"] = "off"  # MLP_pose until then: "frozen" as released, with half of MLP_c
    flame_halvings: tuple[int, ...] = (10, 20, 30, 40)  # epochs
    expression_variance_floor: float = 2e-3


def from_values(values: Mapping[str, Any]) -> PerseSettings:
    """Types the family's part of a config.

    Raises:
        UserError: an entry is missing or unknown.
    """
    schedule = dict(values.get("schedule", {}))
    if "targets" in schedule:
        schedule["targets"] = tuple((int(epoch), int(count)) for epoch, count in schedule["targets"])
    parts = {
        "networks": typed(NetworkConfig, values.get("networks", {}), "networks"),
        "schedule": typed(Schedule, schedule, "schedule"),
        "weights": typed(Weights, values.get("weights", {}), "weights"),
        "rates": typed(LearningRates, values.get("rates", {}), "rates"),
    }
    return typed(PerseSettings, {**values, **parts}, "top level")
