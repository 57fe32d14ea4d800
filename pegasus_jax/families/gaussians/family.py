"""Rigged Gaussians, as `families.find("gaussians")` gives them: `families.Family`."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.latents import CATEGORIES, check_slots
from pegasus_jax.core.model import AvatarModel
from pegasus_jax.data.run_data import RunData
from pegasus_jax.errors import UserError
from pegasus_jax.families.gaussians import portable, web
from pegasus_jax.families.gaussians.avatar import ARRAYS, TrainedGaussianAvatar
from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.fuse import HAIR, wear_hair
from pegasus_jax.families.gaussians.generative import GenerativeModel
from pegasus_jax.families.gaussians.generative_avatar import LOOKS, REACH, GenerativeGaussianAvatar
from pegasus_jax.families.gaussians.model import GaussiansModel
from pegasus_jax.families.gaussians.settings import GaussianSettings, from_values
from pegasus_jax.families.quantised import Quantised


def settings(values: Mapping[str, Any], *, total_frames: int) -> GaussianSettings:
    """The typed settings of the family's part of a config."""
    return from_values(values)


def with_looks(settings: GaussianSettings, categories: tuple[str, ...]) -> GaussianSettings:
    """The settings of a run that learns looks of these categories besides the person as filmed.

    Raises:
        UserError: the latent has no slot for one of them.
    """
    check_slots(categories, CATEGORIES)
    return dataclasses.replace(settings, look_categories=categories)


def check_device(settings: GaussianSettings) -> None:
    """Any device will do."""


def needs_normals(settings: GaussianSettings) -> bool:
    """No loss compares normals."""
    return False


def model(run: RunData) -> AvatarModel:
    """What the loop trains: one person, or one with looks."""
    return GenerativeModel(run) if run.settings.look_categories else GaussiansModel(run)


def arrays(workdir: pathlib.Path, leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The avatar of a checkpoint: no optimiser."""
    named = {name.removeprefix("primitives."): leaf for name, leaf in leaves.items()}
    named = {_as_of_one_person(name): leaf for name, leaf in named.items()}
    return {name: leaf for name, leaf in named.items() if name.split(".")[0] in (*ARRAYS, LOOKS, REACH)}


def _as_of_one_person(name: str) -> str:
    """A leaf's name without what a run of looks puts around the person's own."""
    if name.startswith("params.person."):
        return name.replace("params.person.", "params.", 1)
    looks = f"params.{LOOKS}."
    return name.removeprefix("params.") if name.startswith(looks) else name.removeprefix("person.")


def open(arrays: Mapping[str, np.ndarray], *, where: str) -> Avatar:
    """The avatar of named arrays.

    Raises:
        UserError: they are of another version or damaged, or the head model is gone.
    """
    kind = GenerativeGaussianAvatar if f"{REACH}.mask" in arrays else TrainedGaussianAvatar
    return kind.of_arrays(arrays, where=where)


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
