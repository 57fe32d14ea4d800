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

from absl import flags

from pegasus_jax import commands, jobs, paths
from pegasus_jax.errors import UserError
from pegasus_jax.training.workdir import is_finished

_LAUNCHER = ("-m", "pegasus_jax")
_PACKAGES = pathlib.Path(__file__).parents[2]  # where a process of its own finds ours, wherever it starts
_PATHS = {"config", "data", "donor", "donor_data", "head", "out", "target", "target_avatar", "video", "workdir"}
_TERMINATED = 128 + signal.SIGTERM  # as a shell reports it


def run_plan(path: pathlib.Path, *, array_index: int = 0, array_size: int = 1, device: str = "auto") -> None:
    """Does the jobs of a plan that are not done yet, or one share of them; see `jobs.run`.

    Raises:
        UserError: the plan is none, or some of its jobs could not be done; there is no such part of an array.
        SystemExit: after SIGTERM, which the job that was being done got, too; the same call continues.
    """
    jobs.run(read_plan(path, device=device), array_index=array_index, array_size=array_size)


def read_plan(path: pathlib.Path, *, device: str = "auto") -> list[jobs.Job]:
    """The jobs of a plan, each a command line of the launcher; paths are relative to the plan.

    Raises:
        UserError: the file is missing or no json; a job has no command, an unknown one or an unknown flag, makes
            nothing, or comes after one that is not before it.
    """
    found: list[jobs.Job] = []
    for number, entry in enumerate(jobs.read_entries(path, needed=["command"]), start=1):
        where = f"{path}: job {number}"
        out = _out(entry, where=where)
        after = tuple(path.parent / paths.expanded(other) for other in entry.get("after", []))
        unknown = set(after).difference(job.out for job in found)
        if unknown:
            raise UserError(f"{where} comes after {min(unknown)}, which no job before it makes.")
        made = path.parent / paths.expanded(out)
        done = functools.partial(is_finished if entry["command"] == "train" else _is_there, made)
        words = [*_words(entry, path.parent), f"--device={device}"]
        found.append(jobs.Job(made, done, functools.partial(_execute, words, done), after))
    jobs.check_outs([str(job.out) for job in found], where=path)
    return found


def _out(entry: dict[str, Any], *, where: str) -> str:
    """What a job makes."""
    name = entry["command"]
    if name not in commands.NAMES:
        raise UserError(f"{where}: there is no command {name!r}; there are {', '.join(commands.NAMES)}.")
    known = flags.FlagValues()
    commands.load(name).define_flags(known)
    for key in entry.keys() - {"command", "after"}:
        if key.partition(".")[0] not in known:
            raise UserError(f"{where}: {name} has no flag --{key}.")
    out = entry.get("out", entry.get("workdir"))
    if not out:
        raise UserError(f"{where} names nothing that it makes: neither out nor workdir.")
    return out


def _words(entry: dict[str, Any], folder: pathlib.Path) -> list[str]:
    """The command line after `launch.py`."""
    words = [entry["command"]]
    for key, value in entry.items():
        if key not in ("command", "after"):
            values = value if isinstance(value, list) else [value]
            if key in _PATHS:
                words += [f"--{key}={folder.absolute() / paths.expanded(one)}" for one in values]
            else:
                words.append(f"--{key}={','.join(map(str, values))}")
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
