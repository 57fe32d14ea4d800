"""The file: what a published training run saves, opened without PyTorch and without running anything in it.

`{epoch, radius, model_state_dict}`, tensors by name. FLAME's buffers stand in it twice; the second copy is dropped.
"""

import dataclasses
import math
import pathlib
import re
from typing import Any

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.families.points.published.entries import Entries
from pegasus_jax.torch_files import read_tensors

_STATE, _RADIUS = "model_state_dict", "radius"
_WRAPPERS = re.compile(r"(?:module\.|_orig_mod\.)*")  # PyTorch's names for a model on several GPUs, and compiled
_SECOND_COPY = r"deformer_network\.FLAMEServer\..*"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint."""

    entries: Entries
    radius: float  # NDC


def read_checkpoint(path: pathlib.Path) -> Checkpoint:
    """Opens a `.pth` file.

    Raises:
        UserError: it is no checkpoint of PointAvatar or PEGASUS, is damaged, or asks for code to be run.
    """
    content = read_tensors(path)
    for name in (_STATE, _RADIUS):
        if name not in content:
            raise UserError(
                f"{path} has no {name!r}; give a file out of the run's checkpoints/ModelParameters, such as latest.pth."
            )
    if not isinstance(content[_STATE], dict):
        raise UserError(f"{path}: {_STATE} holds no named tensors; give a checkpoint of PointAvatar or PEGASUS.")
    if not all(isinstance(name, str) for name in content[_STATE]):
        raise UserError(f"{path}: {_STATE} has an entry without a name; give a checkpoint of PointAvatar or PEGASUS.")
    arrays = {_WRAPPERS.sub("", name, count=1): array for name, array in content[_STATE].items()}
    entries = Entries(arrays, where=str(path))
    entries.ignore(_SECOND_COPY)
    return Checkpoint(entries, _radius(content[_RADIUS], path))


def _radius(value: Any, path: pathlib.Path) -> float:
    try:
        radius = float(np.asarray(value).reshape(()))
    except (TypeError, ValueError):
        radius = math.nan
    if not 0.0 < radius < math.inf:
        raise UserError(f"{path}: radius must be one number above 0; it is {value!r}.")
    return radius
