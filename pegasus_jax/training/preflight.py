"""Whether all processes of a run are about to do the same: compared before they wait for each other."""

import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from pegasus_jax import processes
from pegasus_jax.data import Dataset
from pegasus_jax.errors import UserError
from pegasus_jax.training.workdir import differences, versions

_PACKAGES = ("pegasus_jax", "rasterizer")
_SOURCES = ("*.py", "*.cc", "*.h")


def check_agreement(run: dict[str, Any], datasets: Sequence[Dataset]) -> None:
    """Compares code, packages, data, devices, and what `run` holds, with those of the other processes.

    Raises:
        UserError: a process differs from process 0; the sentence names it, on every process.
    """
    own = {
        "host": processes.hostname(),
        "code": _code(),
        "packages": versions(),
        "devices": [device.device_kind for device in jax.local_devices()],
        **run,
        "data": {str(number): fingerprint(dataset) for number, dataset in enumerate(datasets)},
    }
    first, *others = (json.loads(text) for text in processes.exchange("preflight", json.dumps(own)))
    for number, facts in enumerate(others, start=1):
        odd = [found for found in differences(first, facts) if found[0] != "host"]
        if odd:
            name, there, here = odd[0]
            raise UserError(
                f"Process {number}, on {facts['host']}, differs from process 0, on {first['host']}: its {name} is "
                f"{here!r} instead of {there!r}; start all processes with the same code, config, data and devices."
            )


def fingerprint(dataset: Dataset) -> str:
    """A hash of a dataset folder's tracked values; pictures are not read."""
    digest = hashlib.sha256()
    for array in (
        dataset.numbers,
        dataset.world_mat,
        dataset.expression,
        dataset.pose,
        dataset.intrinsics,
        dataset.frame_betas,
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _code() -> str:
    root, digest = pathlib.Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(path for package in _PACKAGES for kind in _SOURCES for path in (root / package).rglob(kind)):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
