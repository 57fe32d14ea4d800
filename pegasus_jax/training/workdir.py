"""The work folder of a run: what is written before step 1, and what a continued run must agree with."""

import contextlib
import datetime
import importlib.metadata
import json
import pathlib
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from pegasus_jax import atomic, locks, progress
from pegasus_jax.errors import UserError
from pegasus_jax.inference import checkpoint
from pegasus_jax.inference.run_record import FILE, read_run
from pegasus_jax.untrusted import json_text

CONFIG, ENVIRONMENT = FILE, "environment.json"
LOCK = ".lock"
DATASET = "dataset"  # `launch.py create` captures into this part of the work folder before training
_LAYOUT = ("config.batch_size",)  # may change with the number of devices: schedules are counted in frames
_PACKAGES = ("pegasus-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def prepare(workdir: pathlib.Path, run: dict[str, Any]) -> None:
    """Makes the work folder, or checks that it was made for this very run: its `config`, `data` and so on.

    Raises:
        UserError: it was made with another config, or is some other folder.
    """
    resolved = json.loads(json.dumps(run))
    path = workdir / CONFIG
    before = _recorded(workdir)
    if before is not None:
        changed = [found for found in differences(before, resolved) if found[0] not in _LAYOUT]
        if changed:
            entry, was, is_now = changed[0]
            raise UserError(
                f"{workdir} was made with another config: {entry} was {was!r} and is {is_now!r}; use that config, or "
                "another --workdir."
            )
        return
    if not path.exists() and workdir.is_dir() and not all(_is_ours(entry) for entry in workdir.iterdir()):
        raise UserError(f"{workdir} is not empty and not a work folder (it has no {CONFIG}); choose another --workdir.")
    workdir.mkdir(parents=True, exist_ok=True)
    write_json(path, resolved)
    write_json(workdir / ENVIRONMENT, environment())


@contextlib.contextmanager
def claimed(workdir: pathlib.Path) -> Iterator[None]:
    """Keeps a work folder for this process alone, for as long as the block lasts.

    Raises:
        UserError: another process trains in it.
    """
    with locks.held(workdir / LOCK) as mine:
        if not mine:
            raise UserError(f"Another process trains in {workdir}; wait for its end, or choose another --workdir.")
        yield


def is_finished(workdir: pathlib.Path, *, config: Mapping[str, Any] | None = None) -> bool:
    """Whether the folder's run has come to the end of its schedule: its last checkpoint is there.

    With a `config`, only a run of that very config counts.
    """
    if not (workdir / CONFIG).is_file():
        return False
    recorded = read_run(workdir)
    if config is not None and recorded.config != json.loads(json.dumps(config)):
        return False
    saved = [int(found.name) for found in (workdir / checkpoint.FOLDER).glob("[0-9]*") if found.name.isdecimal()]
    return max(saved, default=0) >= recorded.total_frames


def environment() -> dict[str, Any]:
    """Versions, devices and the code's commit."""
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": versions(),
        "devices": [device.device_kind for device in jax.devices()],
        "commit": _commit(),
    }


def write_json(path: pathlib.Path, content: Any) -> None:
    """Writes whole or not at all."""
    with atomic.file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def _recorded(workdir: pathlib.Path) -> dict[str, Any] | None:
    """What `config.json` says; None if there is none, or one that cannot be read, as after a power cut."""
    path = workdir / CONFIG
    if not path.exists():
        return None
    try:
        return json_text.read_object(path)
    except UserError as error:
        progress.note(f"{error} It is written anew for this run.")
        return None


def _is_ours(entry: pathlib.Path) -> bool:
    """A capture, also the unfinished sibling that a killed one left; and the lock of this very run."""
    return entry.name in (DATASET, LOCK) or entry.name.startswith(f".{DATASET}-")


def differences(before: Any, now: Any, *, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name and the two values of every entry in which two nested dicts differ, in alphabetical order."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            yield from differences(before.get(key), now.get(key), name=f"{name}.{key}" if name else key)
    elif before != now:
        yield name, before, now


def versions() -> dict[str, str | None]:
    """Of the packages that results depend on."""
    return {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    here = pathlib.Path(__file__).resolve().parent
    try:
        found = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None  # no git here
    return found.stdout.strip() or None
