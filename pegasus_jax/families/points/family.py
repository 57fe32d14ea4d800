"""Points, as `families.find("points")` gives them: `families.Family`."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from pegasus_jax import devices
from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.latents import CATEGORIES, check_slots
from pegasus_jax.data.run_data import RunData
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import FUSION
from pegasus_jax.families.points import portable
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.families.points.baked import BakedPointLook
from pegasus_jax.families.points.fuse import fuse as fuse
from pegasus_jax.families.points.fused import FusedPointAvatar, FusedPointLook
from pegasus_jax.families.points.initial import make_scene
from pegasus_jax.families.points.model import CORRECTIONS, PointsModel
from pegasus_jax.families.points.published import import_avatar as import_avatar
from pegasus_jax.families.points.settings import PointSettings, from_values
from pegasus_jax.untrusted import npy_files

_PAPER_WIDTH = 512  # of the canonical network


def settings(values: Mapping[str, Any], *, total_frames: int) -> PointSettings:
    """The typed settings of the family's part of a config."""
    return from_values(values, total_frames=total_frames)


def with_looks(settings: PointSettings, categories: tuple[str, ...]) -> PointSettings:
    """The settings of a run that learns looks of these categories besides the person as filmed.

    Raises:
        UserError: the latent has no slot for one of them.
    """
    check_slots(categories, CATEGORIES)
    networks = dataclasses.replace(settings.networks, look_categories=categories)
    return dataclasses.replace(settings, networks=networks)


def check_device(settings: PointSettings) -> None:
    """Refuses the paper's size beside a GPU that JAX does not use.

    Raises:
        UserError: it would take weeks.
    """
    reason = devices.unused_gpu() if settings.networks.canonical_width >= _PAPER_WIDTH else None
    if reason:
        raise UserError(f"This config is of the paper's size, which would take weeks on this device. {reason}")


def needs_normals(settings: PointSettings) -> bool:
    """Whether a loss compares normals."""
    return bool(settings.step.weights.normal)


def model(run: RunData) -> PointsModel:
    """What the loop trains."""
    return PointsModel(run, make_scene(run.head, run.videos, run.settings))


def arrays(workdir: pathlib.Path, leaves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The avatar of a checkpoint: living points alone, and no optimiser."""
    prefix, alive = "params.", leaves["primitives.alive"]
    found = {name.removeprefix(prefix): leaf for name, leaf in leaves.items() if name.startswith(f"{prefix}networks.")}
    found |= {"points": leaves["params.points"][alive], "part": leaves["primitives.part"][alive]}
    found |= _corrections(workdir / CORRECTIONS, int(leaves["frames_seen"]))
    return found | {"radius": leaves["primitives.radius"]}


def open(arrays: Mapping[str, np.ndarray], *, where: str) -> Avatar:
    """The avatar of named arrays, trained or fused.

    Raises:
        UserError: they are of another version or damaged, or the head model is gone.
    """
    kind = FusedPointAvatar if FUSION in arrays else TrainedPointAvatar
    return kind.of_arrays(arrays, where=where)


def write_portable(path: pathlib.Path, baked: BakedLook, *, image_size: int) -> None:
    """Writes a baked look as arrays that need no network, and a program that draws them.

    Raises:
        UserError: the place may not be written to.
    """
    assert isinstance(baked, BakedPointLook | FusedPointLook)
    portable.write_portable(path, baked, image_size=image_size)


def _corrections(path: pathlib.Path, frames_seen: int) -> dict[str, np.ndarray]:
    """What the end of a run knew of its points, if it was the end of these frames."""
    found = npy_files.read_npz(path) if path.is_file() else {}
    return {"corrections": found["corrections"]} if found and int(found["frames_seen"]) == frames_seen else {}
