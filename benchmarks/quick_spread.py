"""How far the quick demo's figures spread by what may not matter, and by what does: what its gate has to tell apart.

    python benchmarks/quick_spread.py --out=runs/spread
    python benchmarks/quick_spread.py --out=runs/spread --only=avx2,xla
    python benchmarks/quick_spread.py --out=runs/spread --write

A run of a few hundred frames is chaotic: it ends elsewhere when the last bits of its sums differ, as they do on another
processor, with another number of threads or another backend of the rasteriser, and with another seed altogether. Each
such variant of the quick demo (pegasus_jax/demo/script.py) runs in a process of its own for some minutes, in
`OUT/<variant>`; what is finished is not done again. Some are broken on purpose: without a loss, or with two looks'
codes exchanged. A processor without the instructions that a variant names takes what it has.

Prints a table of the figures that the gate looks at. --write puts it into docs/evaluation.md, the figures into
benchmarks/quick_spread.json, where the tests read what the gate has to let pass and what it has to stop, and the gate's
values and tolerances into benchmarks/baseline.json: the mean of the whole variants, and twice what the worst of them is
behind it, but not less than the entry's "least", which is edited by hand.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from check_baseline import BASELINE, fallen_behind, figures

from pegasus_jax import assets, atomic
from pegasus_jax.demo import scores, story
from pegasus_jax.demo.script import QUICK, Folders
from pegasus_jax.devices import set_up_process
from pegasus_jax.inference import load

RECORDED = pathlib.Path(__file__).with_name("quick_spread.json")
_PAGE = pathlib.Path(__file__).parents[1] / "docs" / "evaluation.md"
_MARKS = ("<!-- made by benchmarks/quick_spread.py -->\n", "<!-- to here -->\n")
_EXCHANGED = "exchanged.json"  # the scores with exchanged codes, beside the others
_ENOUGH = 5  # runs, to say how far they spread
_TOLERATED = 2.0  # times what the worst of the whole variants is behind their mean


@dataclasses.dataclass(frozen=True)
class Variant:
    """What a run differs by from the others."""

    says: str
    isa: str = "AVX512"  # the most that XLA may use of the processor
    threads: int = 1
    backend: str = "auto"  # of the rasteriser
    overrides: tuple[tuple[str, Any], ...] = ()
    codes_of: str = ""  # the variant whose run this one looks at with exchanged codes
    broken: bool = False

    @property
    def environment(self) -> dict[str, str]:
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa={self.isa}"
        chosen = {"XLA_FLAGS": flags, "NPROC": str(self.threads), "RASTERIZER_BACKEND": self.backend}
        return {**os.environ, **chosen}


VARIANTS = {
    "avx512": Variant("AVX-512, one thread, native rasteriser, seed 0"),
    "avx2": Variant("AVX2", isa="AVX2"),
    "avx": Variant("AVX", isa="AVX"),
    "sse4": Variant("SSE4.2", isa="SSE4_2"),
    "threads": Variant("two threads", threads=2),
    "xla": Variant("`xla` rasteriser", backend="xla"),
    "all": Variant("AVX2, two threads, `xla` rasteriser", isa="AVX2", threads=2, backend="xla"),
    "seed1": Variant("seed 1", overrides=(("seed", 1),)),
    "seed2": Variant("seed 2", overrides=(("seed", 2),)),
    "codes": Variant("two looks' codes exchanged", codes_of="avx512", broken=True),
    "mask": Variant("without the mask's loss", overrides=(("step.weights.mask", 0.0),), broken=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a folder for the runs and their figures")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(VARIANTS), help=", ".join(VARIANTS))
    parser.add_argument("--write", action="store_true", help="write the page's table, the figures and the gate")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)  # in this process
    arguments = parser.parse_args()
    if arguments.run:
        (name,) = arguments.only
        _run(name, arguments.out)
        return
    for name in arguments.only:
        if not _found(name, arguments.out):
            command = [sys.executable, __file__, f"--out={arguments.out}", f"--only={name}", "--run"]
            subprocess.run(command, env=VARIANTS[name].environment, check=True)
    found = {name: run for name in VARIANTS if (run := _found(name, arguments.out))}
    baseline = json.loads(BASELINE.read_text())
    if arguments.write:
        whole = [run for name, run in found.items() if not VARIANTS[name].broken]
        if len(whole) < _ENOUGH:
            parser.error(f"--write needs {_ENOUGH} whole variants at least; {len(whole)} have been run.")
        baseline["quick"] = gate(baseline["quick"], whole)
        _write(BASELINE, baseline)
        _write(RECORDED, {name: {key: found[name][key] for key in baseline["quick"]} for name in found})
        _write_page(table(baseline["quick"], found))
    print(table(baseline["quick"], found))


def gate(entries: Mapping[str, Mapping[str, Any]], whole: list[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """The entries with values and tolerances from the figures of whole runs."""
    found = {}
    for name, entry in entries.items():
        values = np.array([run[name] for run in whole])
        mean = float(values.mean())
        behind = mean - values.min() if entry["direction"] == "higher" else values.max() - mean
        tolerance = max(entry["least"], _TOLERATED * float(behind))
        found[name] = {**entry, "value": round(mean, 4), "tolerance": round(tolerance, 4)}
    return found


def table(entries: Mapping[str, Mapping[str, Any]], found: Mapping[str, Mapping[str, float]]) -> str:
    """A markdown table: a row for each run, a column for each figure; those that have fallen behind are bold."""
    lines = [f"| run | {' | '.join(entries)} |", "|---" * (1 + len(entries)) + "|"]
    for name, run in found.items():
        cells = []
        for figure, entry in entries.items():
            cell = f"{run[figure]:.3g}" if abs(run[figure]) < 1 else f"{run[figure]:.2f}"
            cells.append(f"**{cell}**" if fallen_behind({figure: entry}, run) else cell)
        lines.append(f"| {VARIANTS[name].says} | {' | '.join(cells)} |")
    for says, sign in (("value", 0.0), ("the worst that passes", 1.0)):
        worse = {"higher": -1.0, "lower": 1.0}
        limits = [entry["value"] + sign * worse[entry["direction"]] * entry["tolerance"] for entry in entries.values()]
        lines.append(f"| {says} | {' | '.join(f'{limit:.3g}' for limit in limits)} |")
    return "\n".join(lines) + "\n"


def _found(name: str, out: pathlib.Path) -> dict[str, float] | None:
    """The figures of a variant that is finished."""
    exchanged, root = VARIANTS[name].codes_of, out / (VARIANTS[name].codes_of or name)
    finished = root / (_EXCHANGED if exchanged else "index.html")
    if not finished.is_file():
        return None
    return figures(root, json.loads(finished.read_text())) if exchanged else figures(root)


def _run(name: str, out: pathlib.Path) -> None:
    """Runs one variant in this process."""
    set_up_process(assets.cache_folder())
    story.with_help = lambda work, *words: work(*words)  # a second process would compile the same programs again
    of = VARIANTS[name].codes_of or name
    root = story.run_demo(out / of, script=dataclasses.replace(QUICK, overrides=VARIANTS[of].overrides)).parent
    if VARIANTS[name].codes_of:
        scored = json.loads((root / "scores.json").read_text())
        _write(root / _EXCHANGED, scored | {"looks": _exchanged(root)})


def _exchanged(root: pathlib.Path) -> dict[str, dict[str, float]]:
    """The looks' scores if each of the two had the other's code."""
    folders = Folders(root)
    avatar = load(folders.run(QUICK.star))
    truths = story.held_out_truths(QUICK, folders, image_size=(avatar.description.image_size,) * 2)
    return {look: scores.score_look(avatar, other, truths[look]) for look, other in zip(truths, reversed(truths))}


def _write(path: pathlib.Path, found: Mapping[str, Any]) -> None:
    with atomic.file(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n")


def _write_page(made: str) -> None:
    before, first, rest = _PAGE.read_text().partition(_MARKS[0])
    _, last, after = rest.partition(_MARKS[1])
    with atomic.file(_PAGE) as temporary:
        temporary.write_text(f"{before}{first}{made}{last}{after}")


if __name__ == "__main__":
    main()
