"""PERSE, as `families.find("perse")` gives it: `families.Family`."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pegasus_jax import devices
from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.latents import check_slots
from pegasus_jax.data.run_data import RunData
from pegasus_jax.errors import UserError
from pegasus_jax.families.gaussians.perse.avatar import PerseAvatar
from pegasus_jax.families.gaussians.perse.model import PerseModel
from pegasus_jax.families.gaussians.perse.settings import PerseSettings, from_values

_PAPER_WIDTH = 512  # of MLP_c


def settings(values: Mapping[str, Any], *, total_frames: int) -> PerseSettings:
    """The typed settings of the family's part of a config."""
    return from_values(values)


def with_looks(settings: PerseSettings, categories: tuple[str, ...]) -> PerseSettings:
    """The settings of a run that learns looks of these categories besides the person as filmed.

    Raises:
        UserError: the latent has no slot for one of them.
    """
    check_slots(categories, settings.networks.categories)
    networks = dataclasses.replace(settings.networks, look_categories=categories)
    return dataclasses.replace(settings, networks=networks)


def check_device(settings: PerseSettings) -> None:
    """Refuses the paper's size beside a GPU that JAX does not use.

    Raises:
        UserError: it would take months.
    """
    reason = devices.unused_gpu() if settings.networks.canonical_width >= _PAPER_WIDTH else None
    if reason:
        raise UserError(f"This config is of the paper's size, which would take months on this device. {reason}")


def needs_normals(settings: PerseSettings) -> bool:
    """No loss compares normals."""
    return False


def model(run: RunData) -> PerseModel:
    """What the loop trains."""
    return PerseModel(run)


def arrays(workdir: pathlib.Path, leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The avatar of a checkpoint: no optimiser, and nothing of single frames."""
    prefix = "params.networks."
    found = {name.removeprefix("params."): leaf for name, leaf in leaves.items() if name.startswith(prefix)}
    kept = {name: leaves[f"primitives.{name}"] for name in ("floor", "epoch")}
    return found | kept | {"points": leaves["params.points"]}


def open(arrays: Mapping[str, np.ndarray], *, where: str) -> Avatar:
    """The avatar of named arrays.

    Raises:
        UserError: they are of another version or damaged, or the head model is gone.
    """
    return PerseAvatar.of_arrays(arrays, where=where)


def fuse(source: Avatar, target: Avatar, attributes: Sequence[str], *, per_look: bool) -> Avatar:
    """Raises:
    UserError: these avatars are not fused.
    """
    raise UserError("Avatars of PERSE cannot be fused; train points instead: configs/laptop.py.")


def import_avatar(checkpoint: Any, *, out: Any, **options: Any) -> Avatar:
    """Raises:
    UserError: checkpoints of PERSE were not published.
    """
    raise UserError("Published checkpoints are of points; of PERSE there are none.")


def write_portable(path: pathlib.Path, baked: BakedLook, *, image_size: int) -> None:
    """Raises:
    UserError: there is no such program.
    """
    raise UserError("PERSE's avatars have no portable program; export --kind=splats writes one frame of them.")
