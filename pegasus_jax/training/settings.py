"""A run's settings: from an ml_collections config to the typed pieces that the code takes."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import ml_collections

from pegasus_jax import families
from pegasus_jax.core.settings import typed
from pegasus_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Intervals:
    """How often things happen, in frames seen."""

    log: int
    checkpoint: int


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A part of a run that takes frames of one size."""

    until: int  # frames seen
    image_size: int  # side of the square pictures, pixels
    batch_size: int  # frames per device and step


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the loop takes from a config; `model` is the family's part of it."""

    preset: str
    seed: int
    total_frames: int
    image_size: int  # side of the square training pictures, pixels
    batch_size: int  # frames per device and step
    test_fraction: float
    random_background: bool  # a colour for each frame and step
    every: Intervals
    model: Any
    family: str = "points"
    coarse: tuple[Stretch, ...] = ()  # before the pictures have their size, from the coarsest on
    stage_one_frames: int | None = None  # frames seen before part-swapped videos join; None: the config has one stage
    overlaps_per_point: int = 16  # capacity of the static backends at the start: it grows where it is too small

    def stretches(self) -> tuple[Stretch, ...]:
        """The parts of the run in order; the last has the run's own sizes."""
        return (*self.coarse, Stretch(self.total_frames, self.image_size, self.batch_size))

    def stretch(self, seen: int) -> Stretch:
        """The part that the steps after `seen` frames belong to."""
        return next((one for one in self.coarse if seen < one.until), self.stretches()[-1])


def from_config(config: ml_collections.ConfigDict) -> Settings:
    """Checks a config and types it.

    Raises:
        UserError: an entry is missing or unknown, or there is no such family.
    """
    values = config.to_dict()
    family = families.find(values.get("family", Settings.family))
    general = {field.name for field in dataclasses.fields(Settings)}
    own = {name: values.pop(name) for name in list(values) if name not in general}
    values |= {
        "every": typed(Intervals, values.get("every", {}), "every"),
        "coarse": tuple(typed(Stretch, stretch, "coarse") for stretch in values.get("coarse", ())),
        "model": family.settings(own, total_frames=values.get("total_frames", 0)),
    }
    return typed(Settings, values, "top level")


def with_looks(settings: Settings, categories: Sequence[str], *, swapped: Sequence[pathlib.Path]) -> Settings:
    """The settings of a run that learns looks of these `categories` besides the person as filmed.

    Raises:
        UserError: there are `swapped` folders, and the config never comes to them.
    """
    stage_one = settings.stage_one_frames
    if swapped and (stage_one is None or stage_one >= settings.total_frames):
        raise UserError(
            f"{swapped[0]} is part-swapped, and this config has no second stage for it; use one with stage_one_frames "
            "below total_frames, such as configs/laptop.py:generative."
        )
    first = stage_one or 0
    if swapped and any(one.until > first and one.batch_size != settings.batch_size for one in settings.coarse):
        raise UserError("The config's coarse parts have to end by stage_one_frames, or be of its batch_size.")
    model = families.find(settings.family).with_looks(settings.model, tuple(categories))
    return dataclasses.replace(settings, model=model)
