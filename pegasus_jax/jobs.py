"""Jobs from a file, done by one process or by several at once, on one host or many.

What a job makes appears whole or not at all, so being there means being done. A job that another process works on is
left to it: the lock is the system's, so a process that dies lets go of it.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from pegasus_jax import locks
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import json_text


@dataclasses.dataclass(frozen=True)
class Job:
    """One thing to make."""

    out: pathlib.Path  # names the job, too
    is_done: Callable[[], bool]
    do: Callable[[], None]  # raises UserError where it cannot be done
    after: tuple[pathlib.Path, ...] = ()  # outs of jobs of the same list that it needs


def run(jobs: Sequence[Job], *, array_index: int = 0, array_size: int = 1) -> None:
    """Does what is missing of one share of the jobs, in their order, and says what became of each.

    A job that fails by a user's mistake does not keep others from being done, only those that need it; mistakes are
    told at the end. What waits for another share, or is being done by another process, is left to a later call.

    Raises:
        UserError: some jobs could not be done; there is no such share.
    """
    by_out = {job.out: job for job in jobs}
    mistakes = []
    for job in share(jobs, array_index=array_index, array_size=array_size):
        needs = [out for out in job.after if not by_out[out].is_done()]
        with _claimed(job.out) as mine:
            if not mine:
                print(f"{job.out}: another process is at it")
            elif job.is_done():
                print(f"{job.out}: done before")
            elif needs:
                more = f" and {len(needs) - 1} more" if needs[1:] else ""
                print(f"{job.out}: waits for {needs[0]}{more}; run it again when that is done")
            else:
                try:
                    job.do()
                except UserError as error:
                    mistakes.append(f"{job.out}: {error}")
    if mistakes:
        raise UserError("\n".join(mistakes))


def share(jobs: Sequence[Job], *, array_index: int, array_size: int) -> list[Job]:
    """The jobs of one process of `array_size`, in their order.

    Jobs that need no other are dealt out in turn. Any other goes to where the last one that it needs went, so that few
    of them wait for another process.

    Raises:
        UserError: there is no such share.
    """
    if not 0 <= array_index < array_size:
        raise UserError(
            f"--array_index={array_index} must be one of 0 to {array_size - 1}, as --array_size={array_size}."
        )
    turn, place = 0, dict[pathlib.Path, int]()
    for job in jobs:
        if job.after:
            place[job.out] = place[job.after[-1]]
        else:
            place[job.out] = turn % array_size
            turn += 1
    return [job for job in jobs if place[job.out] == array_index]


def read_entries(path: pathlib.Path, *, needed: Sequence[str]) -> list[dict[str, Any]]:
    """A json list of jobs, each an object that has the `needed` keys, with what the others may be left to the caller.

    Raises:
        UserError: the file is missing or no json, is no list of objects, or one of them lacks a key.
    """
    entries = json_text.read_json(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path} must be a list of jobs, each with {', '.join(needed)}.")
    for number, entry in enumerate(entries, start=1):
        for key in needed:
            if key not in entry:
                raise UserError(f"{path}: job {number} has no {key!r}.")
    return entries


def check_values(entry: Mapping[str, Any], *, lists: Container[str] = (), where: str) -> None:
    """The values of a job are texts that are no flags' ends; those of the keys in `lists` may be lists of such.

    Raises:
        UserError: one of them is something else.
    """
    for key, value in entry.items():
        texts = value if key in lists and isinstance(value, list) else [value]
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise UserError(f"{where}: {key} must be {'one or more texts' if key in lists else 'a text'}.")


def inside(folder: pathlib.Path, name: str, *, where: str) -> pathlib.Path:
    """`folder / name`, for what a plan in that folder makes: a stranger's plan writes nothing elsewhere.

    Raises:
        UserError: the name leads out of the folder.
    """
    plain = os.path.normpath(name)
    if os.path.isabs(plain) or plain.startswith("~") or plain.split(os.sep)[0] in (os.pardir, os.curdir):
        raise UserError(f"{where} writes to {name!r}; a plan writes below its own folder, {folder}, alone.")
    return folder / plain


def check_outs(outs: Sequence[pathlib.Path], *, where: pathlib.Path) -> None:
    """Every job makes something of its own.

    Raises:
        UserError: two of them make the same.
    """
    if len(set(outs)) < len(outs):
        raise UserError(f"{where}: two jobs write to the same folder; give each its own out.")


@contextlib.contextmanager
def _claimed(out: pathlib.Path) -> Iterator[bool]:
    """Whether the job is this process's, for as long as the block lasts."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(out.with_name(f".{out.name}.lock")) as mine:
        yield mine
