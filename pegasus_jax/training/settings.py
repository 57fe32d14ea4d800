"""A run's settings: from an ml_collections config to the typed pieces that the code takes."""

import dataclasses
import pathlib
import typing
from collections.abc import Sequence
from typing import Any

import ml_collections

from pegasus_jax.errors import UserError
from pegasus_jax.families.points.cloud import CloudSchedule
from pegasus_jax.families.points.networks import NetworkConfig
from pegasus_jax.families.points.render import RenderOptions
from pegasus_jax.training.step import LearningRates, LossWeights, StepConfig


@dataclasses.dataclass(frozen=True)
class Intervals:
    """How often things happen, in frames seen."""

    log: int
    checkpoint: int
    nearest: int  # refresh of each point's nearest head vertex


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that `train` takes from a config."""

    preset: str
    seed: int
    image_size: int  # side of the square training pictures, pixels
    batch_size: int  # frames per device and step
    test_fraction: float
    expression_variance_floor: float
    tracking_std: dict[str, float]  # pose (rad), expression, translation (head units)
    networks: NetworkConfig
    cloud: CloudSchedule
    step: StepConfig
    every: Intervals
    stage_one_frames: int | None = None  # frames seen before part-swapped videos join; None: the config has one stage
    point_corrections: bool = False  # the run ends with what frames show of each point beyond the networks


def from_config(config: ml_collections.ConfigDict) -> Settings:
    """Checks a config and types it.

    Raises:
        UserError: an entry is missing or unknown.
    """
    values = config.to_dict()
    step = values.pop("step", {})
    step |= {
        "weights": _typed(LossWeights, step.get("weights", {}), "step.weights"),
        "rates": _typed(LearningRates, step.get("rates", {}), "step.rates"),
        "render": _typed(RenderOptions, step.get("render", {}), "step.render"),
    }
    values |= {
        "step": _typed(StepConfig, step, "step"),
        "networks": _typed(NetworkConfig, values.get("networks", {}), "networks"),
        "cloud": _typed(CloudSchedule, values.get("cloud", {}), "cloud"),
        "every": _typed(Intervals, values.get("every", {}), "every"),
    }
    settings = _typed(Settings, values, "top level")
    if settings.step.weights.normal and "normals" not in settings.step.render.channels:
        raise UserError(
            "The config's step.weights.normal compares rendered normals: add 'normals' to step.render.channels."
        )
    return settings


def with_looks(settings: Settings, categories: Sequence[str], *, swapped: Sequence[pathlib.Path]) -> Settings:
    """The settings of a run that learns looks of these `categories` besides the person as filmed.

    Raises:
        UserError: there are `swapped` folders, and the config never comes to them.
    """
    stage_one = settings.stage_one_frames
    if swapped and (stage_one is None or stage_one >= settings.step.total_frames):
        raise UserError(
            f"{swapped[0]} is part-swapped, and this config has no second stage for it; use one with stage_one_frames "
            "below step.total_frames, such as configs/laptop.py:generative."
        )
    networks = dataclasses.replace(settings.networks, look_categories=tuple(categories))
    return dataclasses.replace(settings, networks=networks)


def _typed(kind: type, values: dict[str, Any], where: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise UserError(f"The config's {where} has no entry named {unknown[0]}; it knows {', '.join(fields)}.")
    missing = [n for n, f in fields.items() if n not in values and f.default is dataclasses.MISSING]
    if missing:
        raise UserError(f"The config's {where} lacks {missing[0]}.")
    hints = typing.get_type_hints(kind)
    return kind(**{n: tuple(v) if typing.get_origin(hints[n]) is tuple else v for n, v in values.items()})
