"""Doing the jobs of a plan: each is a process of its own, so that its memory and its device are free after it."""

import functools
import os
import pathlib
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pegasus_jax import jobs, paths
from pegasus_jax.config import is_own
from pegasus_jax.errors import UserError
from pegasus_jax.training.workdir import is_finished

_LAUNCHER = ("-m", "pegasus_jax")
_PACKAGES = pathlib.Path(__file__).parents[2]  # where a process of its own finds ours, wherever it starts
# What a job may say: what `write_plan` writes, and nothing else that these commands could be told.
_KEYS = {
    "capture": ("video", "out", "head"),
    "train": ("config", "data", "workdir", "head"),
    "synthesize": ("target", "donor", "attribute", "out", "head"),
}
_LISTS = ("data", "after")
_OUTS = ("out", "workdir")
_NO_PATHS = ("attribute",)
_TERMINATED = 128 + signal.SIGTERM  # as a shell reports it


def run_plan(
    path: pathlib.Path, *, array_index: int = 0, array_size: int = 1, device: str = "auto", trust: bool = False
) -> None:
    """Does the jobs of a plan that are not done yet, or one share of them; see `jobs.run`.

    A config is a program: only those of the project are run, unless `trust` says that others may be.

    Raises:
        UserError: the plan is none, or some of its jobs could not be done; there is no such part of an array.
        SystemExit: after SIGTERM, which the job that was being done got, too; the same call continues.
    """
    jobs.run(read_plan(path, device=device, trust=trust), array_index=array_index, array_size=array_size)


def read_plan(path: pathlib.Path, *, device: str = "auto", trust: bool = False) -> list[jobs.Job]:
    """The jobs of a plan, each a command line of the launcher; paths are relative to the plan.

    Raises:
        UserError: the file is missing or no json; a job has no command, one that plans do not have, another key than
            plans have or a value of a wrong type; it makes nothing, or something that is not below the plan's folder;
            it comes after one that is not before it; or its config is not the project's, and not trusted.
    """
    found: list[jobs.Job] = []
    for number, entry in enumerate(jobs.read_entries(path, needed=["command"]), start=1):
        where = f"{path}: job {number}"
        made = _out(entry, path.parent, where=where)
        if entry["command"] == "train" and not trust:
            _check_config(entry, path.parent, where=where)
        after = tuple(path.parent / os.path.normpath(other) for other in _listed(entry.get("after", [])))
        unknown = set(after).difference(job.out for job in found)
        if unknown:
            raise UserError(f"{where} comes after {min(unknown)}, which no job before it makes.")
        done = functools.partial(is_finished if entry["command"] == "train" else _is_there, made)
        words = [*_words(entry, path.parent), f"--device={device}"]
        found.append(jobs.Job(made, done, functools.partial(_execute, words, done), after))
    jobs.check_outs([job.out for job in found], where=path)
    return found


def _out(entry: dict[str, Any], folder: pathlib.Path, *, where: str) -> pathlib.Path:
    """What a job makes."""
    jobs.check_values({key: value for key, value in entry.items() if value != []}, lists=_LISTS, where=where)
    name = entry["command"]
    if name not in _KEYS:
        raise UserError(f"{where}: {name!r} is no command of plans; there are {', '.join(_KEYS)}.")
    for key in entry:
        if key not in (*_KEYS[name], "command", "after"):
            raise UserError(f"{where}: {name} has no key {key!r} in plans; it has {', '.join(_KEYS[name])}.")
    out = next((entry[key] for key in _OUTS if key in entry), None)
    if not out:
        raise UserError(f"{where} names nothing that it makes: neither out nor workdir.")
    return jobs.inside(folder, out, where=where)


def _check_config(entry: dict[str, Any], folder: pathlib.Path, *, where: str) -> None:
    spec = str(folder / paths.expanded(entry["config"])) if "config" in entry else None
    if spec and not is_own(spec):
        raise UserError(
            f"{where} trains by {spec}, which is not among the project's own configs; a config is a program that is "
            "run: look into it, and add --trust if you trust it."
        )


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _words(entry: dict[str, Any], folder: pathlib.Path) -> list[str]:
    """The command line after `launch.py`."""
    words = [entry["command"]]
    for key, value in entry.items():
        if key not in ("command", "after"):
            shown = _listed(value)
            if key not in _NO_PATHS:
                shown = [str(folder.absolute() / paths.expanded(one)) for one in shown]
            words += [f"--{key}={one}" for one in shown]
    return words


def _is_there(out: pathlib.Path) -> bool:
    """Commands write whole or not at all; an empty folder is where one may still be written."""
    return out.is_file() or (out.is_dir() and any(out.iterdir()))


def _execute(words: Sequence[str], is_done: Callable[[], bool]) -> None:
    """Runs a command line; SIGTERM is passed on to it."""
    line = shlex.join(["launch.py", *words])
    print(line, flush=True)
    asked: list[int] = []

    def pass_on(number: int, frame: object) -> None:
        asked.append(number)
        process.terminate()

    found_by = os.pathsep.join([str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen([sys.executable, *_LAUNCHER, *words], env={**os.environ, "PYTHONPATH": found_by})
    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        status = process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    if asked:
        raise SystemExit(_TERMINATED)
    if status or not is_done():
        raise UserError(f"{line} ended with status {status}; its output says why.")
