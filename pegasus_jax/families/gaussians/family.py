"""Rigged Gaussians, as `families.find("gaussians")` gives them: `families.Family`."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.data.run_data import RunData
from pegasus_jax.errors import UserError
from pegasus_jax.families.gaussians import portable, web
from pegasus_jax.families.gaussians.avatar import ARRAYS, TrainedGaussianAvatar
from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.fuse import HAIR, wear_hair
from pegasus_jax.families.gaussians.model import GaussiansModel
from pegasus_jax.families.gaussians.settings import GaussianSettings, from_values
from pegasus_jax.families.quantised import Quantised


def settings(values: Mapping[str, Any], *, total_frames: int) -> GaussianSettings:
    """The typed settings of the family's part of a config."""
    return from_values(values)


def with_looks(settings: GaussianSettings, categories: tuple[str, ...]) -> GaussianSettings:
    """The settings as they are: rigged Gaussians have one look.

    Raises:
        UserError: there are others to learn.
    """
    if categories:
        raise UserError(
            "Rigged Gaussians learn one person as filmed, no other looks; train part-swapped folders with "
            "configs/laptop.py:generative."
        )
    return settings


def check_device(settings: GaussianSettings) -> None:
    """Any device will do."""


def needs_normals(settings: GaussianSettings) -> bool:
    """No loss compares normals."""
    return False


def model(run: RunData) -> GaussiansModel:
    """What the loop trains."""
    return GaussiansModel(run)


def arrays(workdir: pathlib.Path, leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The avatar of a checkpoint: no optimiser."""
    named = {name.removeprefix("primitives."): leaf for name, leaf in leaves.items()}
    return {name: leaf for name, leaf in named.items() if name.split(".")[0] in ARRAYS}


def open(arrays: Mapping[str, np.ndarray], *, where: str) -> Avatar:
    """The avatar of named arrays.

    Raises:
        UserError: they are of another version or damaged, or the head model is gone.
    """
    return TrainedGaussianAvatar.of_arrays(arrays, where=where)


def fuse(source: Avatar, target: Avatar, attributes: Sequence[str], *, per_look: bool) -> Avatar:
    """The target with the source's hair.

    Raises:
        UserError: something else is asked for, or there is no hair to lend.
    """
    if list(attributes) != [HAIR]:
        raise UserError(f"An avatar of one person's Gaussians can lend {HAIR} alone; got {', '.join(attributes)}.")
    assert isinstance(source, TrainedGaussianAvatar) and isinstance(target, TrainedGaussianAvatar)
    return wear_hair(source, target)


def import_avatar(checkpoint: Any, *, out: Any, **options: Any) -> Avatar:
    """Raises:
    UserError: published checkpoints are of points.
    """
    raise UserError("Published checkpoints are of points, not of rigged Gaussians.")


def write_portable(path: pathlib.Path, baked: BakedLook, *, image_size: int) -> None:
    """Writes a baked look as arrays, and a program that draws them."""
    assert isinstance(baked, GaussianLook)
    portable.write_portable(path, baked, image_size=image_size)


def web_arrays(baked: BakedLook) -> tuple[dict[str, np.ndarray | Quantised], BakedLook]:
    """A baked look as the arrays that a web page draws it from, and the look that they draw."""
    assert isinstance(baked, GaussianLook)
    arrays = web.web_arrays(baked)
    return arrays, web.drawn_from(baked, arrays)
