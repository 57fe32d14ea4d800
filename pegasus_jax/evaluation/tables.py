"""Tables of figures: rows with names in front, as markdown for people and as records for programs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pegasus_jax.evaluation.weights import NotComputed

Figure = float | int | NotComputed


@dataclasses.dataclass(frozen=True)
class Row:
    """Figures, and what they are of: one name per naming column of the table."""

    names: tuple[str, ...]
    figures: Mapping[str, Figure]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under naming columns; `about` says in a sentence or two what the figures are."""

    about: str
    headers: tuple[str, ...]  # of the naming columns
    rows: tuple[Row, ...]
    leading: tuple[str, ...] = ()  # figures that come first; the others in order of appearance

    def __post_init__(self):
        assert not set(self.headers) & set(self.columns), "a record would have room for one of the two"

    @property
    def columns(self) -> list[str]:
        """Names of the figures that any row has."""
        found = dict.fromkeys(name for row in self.rows for name in row.figures)
        return [
            *(name for name in self.leading if name in found),
            *(name for name in found if name not in self.leading),
        ]

    def under(self, header: str, name: str) -> "Table":
        """The same with one more naming column in front, which says `name`."""
        rows = tuple(Row((name, *row.names), row.figures) for row in self.rows)
        return dataclasses.replace(self, headers=(header, *self.headers), rows=rows)

    def records(self) -> list[dict[str, Any]]:
        """A dict per row, ready for json: names, figures, and sentences for what was not computed."""
        return [
            dict(zip(self.headers, row.names))
            | {name: str(value) if isinstance(value, NotComputed) else value for name, value in row.figures.items()}
            for row in self.rows
        ]

    def markdown(self) -> str:
        """The table between what it is about and the reasons for what was not computed."""
        columns = self.columns
        lines = ["| " + " | ".join([*self.headers, *columns]) + " |", "|---" * (len(self.headers) + len(columns)) + "|"]
        for row in self.rows:
            cells = [*row.names, *(_cell(name, row.figures.get(name)) for name in columns)]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join([self.about, "", *lines, *self._reasons()]) + "\n"

    def _reasons(self) -> list[str]:
        lines = dict.fromkeys(
            f"- {name}: {value}"
            for row in self.rows
            for name, value in row.figures.items()
            if isinstance(value, NotComputed)
        )
        return ["", *lines] if lines else []


def merged(tables: Mapping[str, Table], *, header: str) -> Table:
    """Tables with the same columns as one, with a naming column in front that says which each row is from."""
    parts = [table.under(header, name) for name, table in tables.items()]
    return dataclasses.replace(parts[0], rows=tuple(row for part in parts for row in part.rows))


def mean_figure(values: Sequence[Figure], *, weights: Sequence[float] | None = None) -> Figure:
    """The mean of the numbers, NaNs left out; where one was not computed, the reason for that."""
    missing = next((value for value in values if isinstance(value, NotComputed)), None)
    if missing:
        return missing
    numbers = np.asarray(values, np.float64)
    known = ~np.isnan(numbers)
    if not known.any():
        return float("nan")
    return float(np.average(numbers[known], weights=np.asarray(weights)[known] if weights is not None else None))


def total(counts: Sequence[Figure]) -> Figure:
    """The sum of counts; where one was not computed, the reason for that."""
    missing = next((count for count in counts if isinstance(count, NotComputed)), None)
    return missing or sum(int(count) for count in counts if not isinstance(count, NotComputed))


def mean_figures(rows: Sequence[Mapping[str, Figure]]) -> dict[str, Figure]:
    """`mean_figure` of every figure, over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: mean_figure([row[name] for row in rows if name in row]) for name in names}


def _cell(name: str, value: Figure | None) -> str:
    if value is None:
        return ""
    if isinstance(value, NotComputed):
        return "not computed"
    if isinstance(value, int):
        return str(value)
    return f"{value:.2f}" if name.endswith("psnr") or abs(value) >= 10 else f"{value:.4f}"
