"""Many swaps from one file, by one process or several at once.

[{"target": "data/me", "donor": "runs/ada", "attribute": "hair", "out": "data/me__hair_ada"}, …]

Keys are the arguments of `synthesize`; paths are relative to the plan. A job whose `out` is there is done. A job that
another process works on is left to it: the lock is the system's, so a process that dies lets go of it.
"""

import contextlib
import fcntl
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from pegasus_jax.data import layout
from pegasus_jax.errors import UserError
from pegasus_jax.synthesis.stable_diffusion import DiffusionModels
from pegasus_jax.synthesis.synthesize import ATTRIBUTES, synthesize

_NEEDED = ("target", "donor", "attribute", "out")
_PATHS = {"target", "donor", "out", "head", "target_avatar", "donor_data", "donor_parts"}
_OPTIONAL = ("bald", "head", "target_avatar", "donor_data", "donor_parts")


def run_plan(
    path: pathlib.Path,
    *,
    array_index: int = 0,
    array_size: int = 1,
    diffusion_models: DiffusionModels = DiffusionModels(),
) -> None:
    """Does the jobs of a plan that are not done yet, and says what became of each.

    Of an array of `array_size` processes, each with its `array_index`, every one takes its share of the jobs. A job
    that fails by a user's mistake does not keep the others from being done; the mistakes are told at the end.

    Raises:
        UserError: the plan is no list of jobs, or some of them could not be done; there is no such part of an array.
    """
    if not 0 <= array_index < array_size:
        raise UserError(
            f"--array_index={array_index} must be one of 0 to {array_size - 1}, as --array_size={array_size}."
        )
    mistakes = []
    for job in read_plan(path)[array_index::array_size]:
        out = pathlib.Path(job["out"])
        with _claimed(out) as mine:
            if not mine:
                print(f"{out}: another process is at it")
            elif (out / layout.CAPTURE_JSON).is_file():
                print(f"{out}: done before")
            else:
                try:
                    synthesize(**job, diffusion_models=diffusion_models)
                except UserError as error:
                    mistakes.append(f"{out}: {error}")
    if mistakes:
        raise UserError("\n".join(mistakes))


def read_plan(path: pathlib.Path) -> list[dict[str, Any]]:
    """The jobs as arguments of `synthesize`.

    Raises:
        UserError: the file is missing or no json, or a job lacks a key, has an unknown one or an unknown attribute.
    """
    try:
        jobs = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"--plan={path} cannot be read as json ({error}).") from error
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise UserError(f"{path} must be a list of jobs, each with {', '.join(_NEEDED)}.")
    for index, job in enumerate(jobs):
        where = f"{path}: job {index + 1}"
        for key in _NEEDED:
            if key not in job:
                raise UserError(f"{where} has no {key!r}.")
        unknown = [key for key in job if key not in (*_NEEDED, *_OPTIONAL)]
        if unknown:
            raise UserError(
                f"{where} has an unknown key {unknown[0]!r}; there are {', '.join((*_NEEDED, *_OPTIONAL))}."
            )
        if job["attribute"] not in ATTRIBUTES:
            raise UserError(f"{where}: there is no attribute {job['attribute']!r}; there are {', '.join(ATTRIBUTES)}.")
    names = [job["out"] for job in jobs]
    if len(set(names)) < len(names):
        raise UserError(f"{path}: two jobs write to the same folder; give each its own out.")
    return [{key: path.parent / value if key in _PATHS else value for key, value in job.items()} for job in jobs]


@contextlib.contextmanager
def _claimed(out: pathlib.Path) -> Iterator[bool]:
    """Whether the job is this process's, for as long as the block lasts."""
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = out.with_name(f".{out.name}.lock")
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
        lock.unlink(missing_ok=True)
