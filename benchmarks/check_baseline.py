"""Compares a finished demo's figures with benchmarks/baseline.json; exit status 1 where one has fallen behind.

    python benchmarks/check_baseline.py --demo=runs/demo
    python benchmarks/check_baseline.py --demo=runs/demo --update

An entry says which way is better and how much worse than its value a figure may be. The quick demo of the tests is
checked by tests/demo/test_story.py. --update writes this demo's figures as the new values: on purpose, with a reason in
the commit. Directions and tolerances are edited by hand.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from pegasus_jax import atomic

BASELINE = pathlib.Path(__file__).with_name("baseline.json")
_STAR = "ben"
_STILLS = ("mean training image", "nearest training frame")

Entries = Mapping[str, Mapping[str, Any]]


def figures(demo: pathlib.Path, scores: Mapping[str, Any] | None = None) -> dict[str, float]:
    """What a demo scored, by names such as "looks hair/ada inside"; `scores` in place of those in `scores.json`.

    Beside the scores stand figures that compare a run with itself, which chance changes less: a swap's or look's "gain"
    inside E over doing nothing, what it "kept" outside of the unedited avatar's PSNR, means of all over the rows of a
    table ("looks mean gain"), and the avatar's PSNR "above stills".
    """
    tables = dict(scores or json.loads((demo / "scores.json").read_text()))
    pictures = json.loads((demo / "runs" / _STAR / "evaluation.json").read_text())["tables"]["pictures"]
    for name in ("swaps", "looks"):
        if name in tables:
            rows = {row: _beside_unedited(scored) for row, scored in tables[name].items()}
            tables[name] = {**rows, "mean": {key: _mean(rows, key) for key in next(iter(rows.values()))}}
    rows = {row["picture"]: row for row in pictures}
    stills = [row["psnr"] for picture, row in rows.items() if picture in _STILLS]
    if stills:
        rows["tracked"] = {**rows["tracked"], "above stills": rows["tracked"]["psnr"] - max(stills)}
    tables["pictures"] = rows
    return {
        f"{table} {row} {name}": value
        for table, rows in tables.items()
        for row, named in rows.items()
        for name, value in named.items()
        if isinstance(value, int | float)
    }


def _beside_unedited(scored: Mapping[str, float]) -> dict[str, float]:
    beside = {"gain": ("inside", "unedited"), "kept": ("outside", "unedited outside")}
    found = {new: scored[one] - scored[other] for new, (one, other) in beside.items() if {one, other} <= scored.keys()}
    return {**scored, **found}


def _mean(rows: Mapping[str, Mapping[str, float]], name: str) -> float:
    return sum(row[name] for row in rows.values()) / len(rows)


def fallen_behind(entries: Entries, found: Mapping[str, float]) -> list[str]:
    """A sentence for every figure that is worse than its value by more than its tolerance, or is not there."""
    sentences = []
    for name, entry in entries.items():
        if name not in found:
            sentences.append(f"{name} is missing; it was {entry['value']:.4g}.")
            continue
        sign = {"higher": 1.0, "lower": -1.0}[entry["direction"]]
        if not sign * (found[name] - entry["value"]) >= -entry["tolerance"]:  # NaN has fallen behind, too
            sentences.append(
                f"{name} is {found[name]:.4g}; {entry['direction']} is better than {entry['value']:.4g}, and "
                f"{entry['tolerance']:.4g} is tolerated."
            )
    return sentences


def updated(entries: Entries, found: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """The entries with the values that were found."""
    return {name: {**entry, "value": round(found[name], 4)} for name, entry in entries.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="a finished demo's work folder")
    parser.add_argument("--scale", choices=("full", "quick"), default="full", help="quick: the demo of the tests")
    parser.add_argument("--update", action="store_true", help="write this demo's figures as the new values")
    arguments = parser.parse_args()
    baseline, found = json.loads(BASELINE.read_text()), figures(arguments.demo)
    if arguments.update:
        if arguments.scale == "quick":
            parser.error("a quick demo's values are the means of many: benchmarks/quick_spread.py --write.")
        baseline[arguments.scale] = updated(baseline[arguments.scale], found)
        with atomic.file(BASELINE) as temporary:
            temporary.write_text(json.dumps(baseline, indent=1) + "\n")
    sentences = fallen_behind(baseline[arguments.scale], found)
    print("\n".join(sentences) or f"{len(baseline[arguments.scale])} figures hold.")
    sys.exit(1 if sentences else 0)


if __name__ == "__main__":
    main()
