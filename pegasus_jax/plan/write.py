"""Which jobs lead from a target and its donors to a generative avatar, and in what order.

[{"command": "train", "config": "…", "data": ["data/ada"], "workdir": "runs/ada", "after": ["data/ada"]}, …]

Every job is a command line of the launcher: `command`, and its flags. It comes `after` other jobs, which are named by
what they make. Paths are relative to the plan.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from pegasus_jax import atomic
from pegasus_jax.config import load_config, located
from pegasus_jax.data import dataset_folders
from pegasus_jax.errors import UserError
from pegasus_jax.synthesis.synthesize import ATTRIBUTES
from pegasus_jax.training.settings import from_config

_DATA, _RUNS = "data", "runs"  # beside the plan

Entry = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """What a plan may be told besides who is in it."""

    attributes: Sequence[str] = ("hair",)
    config: str = "configs/laptop.py:generative"  # of the target's avatar
    donor_config: str = "configs/laptop.py"
    head: pathlib.Path | None = None


def write_plan(
    out: pathlib.Path, *, target: pathlib.Path, donors: Sequence[pathlib.Path], options: Options = Options()
) -> list[Entry]:
    """Writes every job to a json and returns them; those come first that others need.

    Videos are captured, donors trained, each donor's attributes put into the target's clip, and the target's avatar
    trained on all of it, in two stages.

    Args:
        out: the json to write; `data/` and `runs/` will be made beside it.
        target: a video or a dataset folder.
        donors: each a video, a dataset folder, or an avatar: a work folder or an `.npz`.
        options: see there.

    Raises:
        UserError: somebody is not to be found or has another's name, a config does not fit, `out` is there already.
    """
    if out.exists():
        raise UserError(f"{out} exists; run it by --run={out}, or remove it to plan anew.")
    _check(options)
    people = [target, *donors]
    names = [_name(path) for path in people]
    for number, (name, path) in enumerate(zip(names, people)):
        if name in names[:number]:
            raise UserError(f"{people[names.index(name)]} and {path} are both called {name}; rename one of them.")
    entries = _Planned(out.parent, options).entries(target, donors)
    with atomic.file(out) as temporary:
        temporary.write_text(json.dumps(entries, indent=1) + "\n")
    return entries


def _check(options: Options) -> None:
    for attribute in options.attributes:
        if attribute not in ATTRIBUTES:
            raise UserError(f"There is no attribute {attribute!r}; there are {', '.join(ATTRIBUTES)}.")
    from_config(load_config(options.donor_config))
    if from_config(load_config(options.config)).stage_one_frames is None:
        raise UserError(
            f"--config={options.config} has no second stage for part-swapped videos; use one with stage_one_frames, "
            "such as configs/laptop.py:generative."
        )


def _name(path: pathlib.Path) -> str:
    """As `synthesize` calls a donor."""
    whole = path.resolve()
    return whole.stem if whole.is_file() else whole.name


class _Planned:
    """The jobs so far; what a job makes is named relative to the plan's folder."""

    def __init__(self, folder: pathlib.Path, options: Options):
        self.folder, self.options = folder, options
        self._entries: list[Entry] = []

    def entries(self, target: pathlib.Path, donors: Sequence[pathlib.Path]) -> list[Entry]:
        """All jobs."""
        name, clip = _name(target), self._clip(target)
        lent = [(donor, self._avatar(donor)) for donor in donors]
        swapped = []
        for donor, avatar in lent:
            for attribute in self.options.attributes:
                out = f"{_DATA}/{name}__{attribute}_{_name(donor)}"
                self._add("synthesize", target=clip, donor=avatar, attribute=attribute, out=out, needs=(clip, avatar))
                swapped.append(out)
        self._train(name, self.options.config, [clip, *swapped])
        return self._entries

    def _clip(self, path: pathlib.Path) -> str:
        """The dataset folder of a person, captured if need be."""
        if not path.exists():
            raise UserError(f"There is neither a video nor a folder at {path}; check the path.")
        found = dataset_folders(path) if path.is_dir() else []
        if len(found) > 1:
            raise UserError(f"{path} has several dataset folders below it; name one of them.")
        if found:
            return self._relative(found[0])
        out = f"{_DATA}/{_name(path)}"
        self._add("capture", video=self._relative(path), out=out)
        return out

    def _avatar(self, path: pathlib.Path) -> str:
        """The avatar of a donor, trained if need be."""
        if path.suffix.lower() == ".npz" or (path / "config.json").is_file():
            return self._relative(path)
        return self._train(_name(path), self.options.donor_config, [self._clip(path)])

    def _train(self, name: str, config: str, data: list[str]) -> str:
        out = f"{_RUNS}/{name}"
        self._add("train", config=self._relative(located(config)), data=data, workdir=out, needs=data)
        return out

    def _add(self, command: str, *, needs: Sequence[str] = (), **values: Any) -> None:
        if self.options.head is not None:
            values["head"] = self._relative(self.options.head)
        made = {entry.get("out", entry.get("workdir")) for entry in self._entries}
        after = [out for out in needs if out in made]
        self._entries.append({"command": command, **values} | ({"after": after} if after else {}))

    def _relative(self, path: str | os.PathLike) -> str:
        return os.path.relpath(path, self.folder)
