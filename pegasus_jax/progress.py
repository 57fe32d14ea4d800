"""One progress bar for every command.

On a terminal it is tqdm's; where nobody watches (a log file, a job's output), and in a second process, which would tear
the first one's bar, it is a full line now and then.
"""

import multiprocessing
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import tqdm

_SECONDS_BETWEEN_LINES = 30.0


class _Paced(tqdm.tqdm):
    """tqdm whose pace and estimate begin after the first report: the first units compile programs or open models."""

    _first: tuple[float, float] | None = None  # units and seconds at the first report

    def update(self, n: float | None = 1) -> bool | None:
        """Counts; see tqdm."""
        shown = super().update(n)
        if self._first is None and n:
            self._first = self.n, self._time() - self.start_t
        return shown

    @property
    def format_dict(self) -> dict[str, Any]:
        """What a report is made of (tqdm asks for it); a rate of zero is one that is not known."""
        found = super().format_dict
        units, seconds = self._first or (found["n"], found["elapsed"])
        passed = found["elapsed"] - seconds
        return found | {"rate": (found["n"] - units) / passed if passed > 0 else 0.0}


class _Lines(_Paced):
    """tqdm that ends each report with a newline, for output that is kept instead of watched."""

    disable: bool

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Writes one line (tqdm calls this when a report is due)."""
        self.fp.write(f"{self if msg is None else msg}\n".replace("\r", ""))
        self.fp.flush()
        return True

    def close(self) -> None:
        """Writes the last line."""
        if not self.disable:
            self.display()
        self.disable = True  # tqdm's own closing would add an empty line


def note(text: str) -> None:
    """One line on standard error that does not tear a bar."""
    tqdm.tqdm.write(text, file=sys.stderr)


def bar(
    iterable_or_total: Iterable[Any] | int | None,
    *,
    desc: str,
    unit: str = "frame",
    initial: int = 0,
    total: int | None = None,
    file: TextIO | None = None,
) -> tqdm.tqdm:
    """A progress bar: iterate over it, or call `.update(n)`; `.set_postfix(loss=…)` adds figures.

    Args:
        iterable_or_total: what to iterate over, or how many units there will be (None: unknown).
        desc: what is being done, in front of the bar.
        unit: what is counted.
        total: how many units there will be, where an iterable cannot tell by itself.
        initial: units done by an earlier run that this one continues.
        file: where to write; standard error by default.
    """
    file = sys.stderr if file is None else file
    watched = file.isatty() and multiprocessing.parent_process() is None
    make = _Paced if watched else _Lines
    counted = isinstance(iterable_or_total, int) or iterable_or_total is None
    source = {"total": iterable_or_total} if counted else {"iterable": iterable_or_total, "total": total}
    pace: dict[str, Any] = {"dynamic_ncols": True} if watched else {"mininterval": _SECONDS_BETWEEN_LINES, "ncols": 0}
    return make(desc=desc, unit=f" {unit}", initial=initial, file=file, **source, **pace)
