"""Static choices of a run of rigged Gaussians."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pegasus_jax.core.settings import typed


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the losses."""

    rgb: float = 0.8
    structural: float = 0.2
    matte: float = 0.1
    perceptual: float = 0.0
    offset: float = 2e-4
    size: float = 1e-2
    needles: float = 1e-2
    colour: float = 1.0


@dataclasses.dataclass(frozen=True)
class GaussianSettings:
    """The family's part of a config."""

    on_surface: int = 16_000  # Gaussians
    on_shell: int = 6_000  # at most
    num_bases: int = 16
    hidden: int = 32  # width of the network that weighs the bases
    bases_after: float = 0.06  # share of the run before which bases rest
    driving_noise: float = 0.4  # standard deviations
    emphasis: float = 4.0  # extra weight of eyes and mouth in the colour term
    colour_frames: int = 16  # that give the first colours
    shape_frames: int = 24  # that say which triangles show, and where the shell is
    look_categories: tuple[str, ...] = ()  # of part-swapped folders; the loop tells
    on_look: int = 2_500  # Gaussians at most that a part-swapped folder adds around the head
    rank: int = 8  # numbers in a code, at most as many as there are looks of a category
    weights: Weights = Weights()


def from_values(values: Mapping[str, Any]) -> GaussianSettings:
    """Types the family's part of a config.

    Raises:
        UserError: an entry is missing or unknown.
    """
    weights = typed(Weights, values.get("weights", {}), "weights")
    return typed(GaussianSettings, {**values, "weights": weights}, "top level")
