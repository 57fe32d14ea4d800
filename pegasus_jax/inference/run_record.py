"""What a work folder says of its run beside the avatar: what it was told (`config.json`), and its journal."""

import dataclasses
import pathlib
from typing import Any

from pegasus_jax import paths
from pegasus_jax.core.settings import is_of_type, shown
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files, json_text

FILE = "config.json"
METRICS = "metrics.jsonl"
_CONFIG = {"image_size": int, "total_frames": int, "test_fraction": float}


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What a run was told."""

    config: dict[str, Any]  # whole, as it was
    data: tuple[pathlib.Path, ...]  # dataset folders
    image_size: int  # side of the square training pictures, pixels
    total_frames: int
    test_fraction: float


def read_run(workdir: pathlib.Path) -> RunRecord:
    """The record of a work folder.

    Raises:
        UserError: the folder is none, or its record is damaged.
    """
    path = workdir / FILE
    if not path.is_file():
        raise UserError(f"{workdir} is not a work folder: it has no {FILE}; train first: launch.py train")
    content = json_text.read_object(path)
    config, data = content.get("config"), content.get("data")
    if not isinstance(config, dict) or not is_of_type(data, tuple[str, ...]) or not data:
        raise UserError(f"{path} is damaged (it has no config or no data); restore it from a copy, or train anew.")
    for name, kind in _CONFIG.items():
        if not is_of_type(config.get(name), kind) or config[name] <= 0:
            raise UserError(f"{path} is damaged (config.{name} is {shown(config.get(name))}); restore it from a copy.")
    return RunRecord(config, tuple(map(paths.expanded, data)), *(config[name] for name in _CONFIG))


def read_journal(workdir: pathlib.Path) -> tuple[list[dict[str, Any]], int]:
    """What a run logged in `metrics.jsonl`, one object with `frames` a line, and how many lines cannot be read.

    A power cut may leave half a line, or zeros in its place.

    Raises:
        UserError: there is no such file, or it is larger than a file may be.
    """
    path, kept, lost = workdir / METRICS, [], 0
    for line in files.read_bytes(path).splitlines():
        try:
            entry = json_text.as_object(json_text.parse(line, source=str(path)), source=str(path))
        except UserError:
            entry = {}
        if is_of_type(entry.get("frames"), int):
            kept.append(entry)
        else:
            lost += 1
    return kept, lost
