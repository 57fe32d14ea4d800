"""Many swaps from one file, by one process or several at once.

[{"target": "data/me", "donor": "runs/ada", "attribute": "hair", "out": "data/me__hair_ada"}, …]

Keys are the arguments of `synthesize`; paths are relative to the plan.
"""

import functools
import pathlib
from typing import Any

from pegasus_jax import jobs, paths
from pegasus_jax.data import layout
from pegasus_jax.errors import UserError
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels
from pegasus_jax.synthesis.synthesize import ATTRIBUTES, BALD_WAYS, synthesize

_NEEDED = ("target", "donor", "attribute", "out")
_PATHS = {"target", "donor", "head", "target_avatar", "donor_data", "donor_parts"}
_OPTIONAL = ("bald", "head", "target_avatar", "donor_data", "donor_parts")


def run_plan(
    path: pathlib.Path,
    *,
    array_index: int = 0,
    array_size: int = 1,
    diffusion_models: DiffusionModels = DiffusionModels(),
) -> None:
    """Does the swaps of a plan that are not done yet, or one share of them; see `jobs.run`.

    Raises:
        UserError: the plan is no list of jobs, or some of them could not be done; there is no such part of an array.
    """
    found = [_job(arguments, diffusion_models) for arguments in read_plan(path)]
    jobs.run(found, array_index=array_index, array_size=array_size)


def read_plan(path: pathlib.Path) -> list[dict[str, Any]]:
    """The jobs as arguments of `synthesize`.

    Raises:
        UserError: the file is missing or no json, or a job lacks a key, has an unknown one, a value of a wrong type or
            an unknown attribute, or writes to a place that is not below the plan's folder.
    """
    entries = jobs.read_entries(path, needed=_NEEDED)
    for number, entry in enumerate(entries, start=1):
        where = f"{path}: job {number}"
        unknown = [key for key in entry if key not in (*_NEEDED, *_OPTIONAL)]
        if unknown:
            raise UserError(
                f"{where} has an unknown key {unknown[0]!r}; there are {', '.join((*_NEEDED, *_OPTIONAL))}."
            )
        jobs.check_values(entry, where=where)
        if entry["attribute"] not in ATTRIBUTES:
            raise UserError(
                f"{where}: there is no attribute {entry['attribute']!r}; there are {', '.join(ATTRIBUTES)}."
            )
        entry["out"] = jobs.inside(path.parent, entry["out"], where=where)
    jobs.check_outs([entry["out"] for entry in entries], where=path)
    return [{key: _value(key, value, path.parent) for key, value in entry.items()} for entry in entries]


def _value(key: str, value: Any, folder: pathlib.Path) -> Any:
    is_path = key in _PATHS or (key == "bald" and value not in BALD_WAYS)
    return folder / paths.expanded(value) if is_path else value


def _job(arguments: dict[str, Any], diffusion_models: DiffusionModels) -> jobs.Job:
    out = arguments["out"]
    make = functools.partial(synthesize, **arguments, diffusion_models=diffusion_models)
    return jobs.Job(out, (out / layout.CAPTURE_JSON).is_file, make)
