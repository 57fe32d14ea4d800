"""The settings of a run of points: the family's part of a config."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pegasus_jax.core.settings import typed
from pegasus_jax.errors import UserError
from pegasus_jax.families.points.cloud import CloudSchedule
from pegasus_jax.families.points.networks import NetworkConfig


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of spec section 7 (w_s is `seg`), and of what this project adds."""

    rgb: float = 1.0
    mask: float = 1.0
    holes: float = 0.0  # extra weight of the mask where the person is missing: a hole shows more than a wide rim
    structural: float = 0.0
    perceptual: float = 0.0
    sdf: float = 1.0
    eikonal: float = 0.1
    flame: float = 10.0
    leash: float = 1.0  # points keep to their side of the skin; no effect on clouds that started on a sphere
    latent: float = 0.01
    seg: float = 0.1
    spill: float = 0.0  # in stage 2, codes drawn at random leave alone what is not their part
    normal: float = 0.0  # against pictures of the target's and the donor's avatars, in part-swapped folders
    inner: float = 0.0  # eyeballs and the inside of the mouth show where those of the head model do
    light: float = 0.0  # the light is white on average: colours are the albedo's, and white can be shown
    dark: float = 0.0  # the inside of the mouth is dark where no picture says otherwise
    emphasis: float = 0.0  # extra colour weight on eyes and mouth


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """Adam step sizes at the start; all decay together by `decay` over the run, exponentially in frames."""

    networks: float
    points: float
    latents: float
    decay: float


@dataclasses.dataclass(frozen=True)
class RenderSettings:
    """How training pictures are drawn."""

    channels: tuple[str, ...] = ("rgb",)
    max_points_per_pixel: int | None = None  # that are blended, nearest first; None: all


@dataclasses.dataclass(frozen=True)
class StepConfig:
    """Static choices of a step."""

    weights: LossWeights
    rates: LearningRates
    total_frames: int
    flame_halvings: tuple[int, ...]  # frames seen at which the FLAME weight halves
    flame_sample: int  # points that enter L_FLAME each step; 0 for all
    eikonal_sample: int  # off-surface points each step; 0 for as many as there are points
    jacobian_gradient: bool
    latents_after: int  # frames seen before latents move
    render: RenderSettings
    sink: float = 0.0  # share of its radius by which a point may lie below the skin: by so much it shows around itself
    spill_sample: int = 1024  # points that the spill term looks at each step
    spill_after: int = 0  # frames seen before it counts: before the second stage, looks mean nothing


@dataclasses.dataclass(frozen=True)
class PointSettings:
    """All that points take from a config."""

    networks: NetworkConfig
    cloud: CloudSchedule
    step: StepConfig
    expression_variance_floor: float
    point_corrections: bool = False  # the run ends with what frames show of each point beyond the networks


def from_values(values: Mapping[str, Any], *, total_frames: int) -> PointSettings:
    """Types the family's part of a config.

    Raises:
        UserError: an entry is missing or unknown, or two do not fit.
    """
    step = dict(values.get("step", {}))
    step |= {
        "weights": typed(LossWeights, step.get("weights", {}), "step.weights"),
        "rates": typed(LearningRates, step.get("rates", {}), "step.rates"),
        "render": typed(RenderSettings, step.get("render", {}), "step.render"),
        "total_frames": total_frames,
    }
    settings = typed(
        PointSettings,
        {
            **values,
            "step": typed(StepConfig, step, "step"),
            "networks": typed(NetworkConfig, values.get("networks", {}), "networks"),
            "cloud": typed(CloudSchedule, values.get("cloud", {}), "cloud"),
        },
        "top level",
    )
    if settings.step.weights.normal and "normals" not in settings.step.render.channels:
        raise UserError(
            "The config's step.weights.normal compares rendered normals: add 'normals' to step.render.channels."
        )
    return settings
