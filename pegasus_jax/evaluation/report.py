"""`launch.py evaluate`: runs a protocol on avatars and writes its tables as json and markdown."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from pegasus_jax import atomic
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import protocols
from pegasus_jax.evaluation.protocols.protocol import Protocol
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Table, merged


@dataclasses.dataclass(frozen=True)
class Report:
    """What a protocol found: tables by their names, and the settings that they were made with."""

    protocol: str
    settings: dict[str, Any]
    tables: dict[str, Table]

    def to_json(self) -> dict[str, Any]:
        """Settings, and the tables as records."""
        tables = {name: table.records() for name, table in self.tables.items()}
        return {"protocol": self.protocol, "settings": self.settings, "tables": tables}

    def markdown(self) -> str:
        """The tables below each other."""
        return "\n".join(table.markdown() for table in self.tables.values())

    def figures(self, table: str) -> dict[str, dict[str, Any]]:
        """Figures of a table's rows by the last of their names."""
        return {row.names[-1]: dict(row.figures) for row in self.tables[table].rows}


def evaluate_run(
    workdir: pathlib.Path,
    *,
    protocol: Protocol = Reconstruction(),
    data: Sequence[pathlib.Path] | None = None,
    out: pathlib.Path | None = None,
) -> Report:
    """Measures the avatar of `workdir` on the held-out part of dataset folders (the run's own by default).

    Writes `evaluation.json` and `evaluation.md` into the work folder (or `out` and its neighbour); of protocols other
    than reconstruction `evaluation_<protocol>.*`. Of an exported `.npz`, which needs `data`, they go to a folder of its
    name beside it. A folder that `fuse` wrote is measured too.

    Raises:
        UserError: the folder is no work folder, or a dataset folder does not fit.
    """
    subject = Subject.open(pathlib.Path(workdir), data=data)
    report = _report(protocol, protocol.measure(subject))
    return _written(report, pathlib.Path(out) if out else subject.results / _file_name(report.protocol))


def compare_runs(
    workdirs: Sequence[pathlib.Path],
    *,
    protocol: Protocol,
    data: Sequence[pathlib.Path] | None = None,
    out: pathlib.Path,
) -> Report:
    """Measures several avatars alike, into tables with a column in front that names the run. See `evaluate_run`.

    Raises:
        UserError: two of them have one name, or what `evaluate_run` says.
    """
    names = [folder.name for folder in workdirs]
    if len(set(names)) < len(names):
        raise UserError(f"Runs that are compared need different names; got {', '.join(map(str, workdirs))}.")
    found = [protocol.measure(Subject.open(folder, data=data)) for folder in workdirs]
    tables = {key: merged({name: one[key] for name, one in zip(names, found)}, header="run") for key in found[0]}
    return _written(_report(protocol, tables), pathlib.Path(out))


def _report(protocol: Protocol, tables: dict[str, Table]) -> Report:
    name = type(protocol).__module__.rpartition(".")[2]
    assert name in protocols.NAMES
    return Report(name, dataclasses.asdict(protocol), tables)  # type: ignore[call-overload]


def _file_name(protocol: str) -> str:
    return "evaluation.json" if protocol == "reconstruction" else f"evaluation_{protocol}.json"


def _written(report: Report, target: pathlib.Path) -> Report:
    with atomic.file(target) as temporary:
        temporary.write_text(json.dumps(report.to_json(), indent=1) + "\n")
    with atomic.file(target.with_suffix(".md")) as temporary:
        temporary.write_text(report.markdown())
    print(report.markdown())
    return report
