"""Gives every loader files that somebody has spoilt, and counts what becomes of them.

    python benchmarks/fuzz.py [--inputs=1200] [--seed=0] [--kinds=points,video] [--keep=FOLDER]

Good files of every kind (`fuzz_files.py`) are changed (`fuzz_changes.py`) and read in worker processes, which may take
a limited time and memory. A change is either certainly wrong, as an array that is not finite, or may be harmless, as a
flipped bit. Refused means: by one sentence (`UserError`). The last lines say which inputs fell short, and how to make
them again; `--keep` keeps those files.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import random
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

_ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT), str(pathlib.Path(__file__).parent)]

import fuzz_changes  # noqa: E402  from the same folder
import fuzz_files  # noqa: E402

SECONDS = 60.0  # that one input may take: more is a hang
MEMORY = 10**9  # bytes that a process may have with it
_ROOM = 3 * 2**30  # of address space beside what a worker has at its start: what is beyond that ends in MemoryError
_INPUTS_A_WORKER = 150
_BAD = ("crash", "hang", "traceback", "memory", "taken", "unnamed")


@dataclasses.dataclass(frozen=True)
class Input:
    """One changed file."""

    kind: str
    file: str
    change: str
    seed: str
    done: fuzz_changes.Done


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of it: "refused" or "taken", or how the reader failed."""

    what: str
    told: str = ""
    peak: int = 0  # bytes


class Worker:
    """A process that reads what it is told to."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "--worker"]
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "OPENCV_LOG_LEVEL": "SILENT"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self.served = 0
        self._answer(120.0)

    def read(self, kind: str, folder: pathlib.Path) -> Outcome:
        """Has it read a folder of a kind."""
        assert self._process.stdin is not None
        self.served += 1
        self._process.stdin.write(json.dumps([kind, str(folder)]).encode() + b"\n")
        self._process.stdin.flush()
        return self._answer(SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether it can go on."""
        return self._process.poll() is None

    def end(self) -> None:
        """Kills it."""
        self._process.kill()
        self._process.wait()

    def _answer(self, seconds: float) -> Outcome:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self.end()
                return Outcome("hang")
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            return Outcome("crash", signal.Signals(-status).name if status < 0 else f"status {status}")
        return Outcome(**json.loads(line))


def work() -> None:
    """What a worker does: reads folders named on standard input, and answers in lines of json."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is printed is no answer
    from pegasus_jax import launcher  # noqa: F401  with all that the loaders need
    from pegasus_jax.capture import video  # noqa: F401
    from pegasus_jax.inference import load  # noqa: F401

    has = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + _ROOM, has + _ROOM))
    print(json.dumps({"what": "ready"}), file=answers, flush=True)
    for line in sys.stdin:
        kind, folder = json.loads(line)
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
        outcome = _read(kind, pathlib.Path(folder))
        print(json.dumps(dataclasses.asdict(outcome)), file=answers, flush=True)


def _read(kind: str, folder: pathlib.Path) -> Outcome:
    from pegasus_jax.errors import UserError

    try:
        fuzz_files.KINDS[kind].read(folder)
        what, told = "taken", ""
    except UserError as error:
        what, told = "refused", str(error)
    except MemoryError as error:
        what, told = "memory", str(error)
    except BaseException:
        what, told = "traceback", traceback.format_exc()
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return Outcome("memory" if peak > MEMORY else what, told, peak)


def inputs(good: pathlib.Path, kinds: list[str], count: int, seed: int) -> list[tuple[str, str, str]]:
    """Kind, file and change of so many inputs: every change of every file in turn, and again."""
    every = []
    for name in kinds:
        kind, folder = fuzz_files.KINDS[name], good / name
        files = sorted({path for pattern in kind.files for path in folder.glob(pattern) if path.is_file()})
        assert files, name
        for path in files:
            every += [
                (name, str(path.relative_to(folder)), change)
                for change in fuzz_changes.changes_of(path, essential=kind.essential)
            ]
    random.Random(seed).shuffle(every)
    return (every * (-(-count // len(every))))[:count]


def judged(given: Input, outcome: Outcome) -> str:
    """What to call the outcome: "refused", "harmless", or one of `_BAD`."""
    if outcome.what == "taken":
        return "taken" if given.done.is_wrong else "harmless"
    if outcome.what != "refused" or not given.done.is_wrong:
        return outcome.what
    names = [pathlib.Path(given.file).name, pathlib.Path(given.file).parts[0]]
    is_named = any(name in outcome.told for name in names) and given.done.place.split(".")[-1] in outcome.told
    return "refused" if is_named and "\n" not in outcome.told else "unnamed"


def table(counts: dict[str, collections.Counter], peaks: dict[str, int]) -> str:
    """Rows of Markdown, one a kind, and their sum."""
    columns = ("refused", "harmless", *_BAD)
    lines = ["| kind | inputs | " + " | ".join(columns) + " | peak MB |", "|---" * (len(columns) + 3) + "|"]
    total: collections.Counter = sum(counts.values(), collections.Counter())
    for name, found in [*counts.items(), ("all", total)]:
        peak = max(peaks.values()) if name == "all" else peaks[name]
        numbers = " | ".join(str(found[column]) for column in columns)
        lines.append(f"| {name} | {found.total()} | {numbers} | {peak / 1e6:.0f} |")
    return "\n".join(lines)


def run(count: int, *, seed: int, kinds: list[str], keep: pathlib.Path | None = None) -> dict[str, collections.Counter]:
    """Reads so many inputs, prints the table and what fell short, and returns the counts by kind."""
    counts: dict[str, collections.Counter] = {name: collections.Counter() for name in kinds}
    peaks, short, worker = dict.fromkeys(kinds, 0), [], Worker()
    with tempfile.TemporaryDirectory() as temporary:
        good, changed = pathlib.Path(temporary) / "good", pathlib.Path(temporary) / "changed"
        fuzz_files.write(good, kinds)
        for number, (kind, file, change) in enumerate(inputs(good, kinds, count, seed)):
            shutil.rmtree(changed, ignore_errors=True)
            shutil.copytree(good / kind, changed, symlinks=True)
            label = f"{seed}/{number}"
            function = fuzz_changes.changes_of(changed / file, essential=fuzz_files.KINDS[kind].essential)[change]
            done = function(changed / file, random.Random(label))
            if done is None:
                continue
            if not worker.is_alive or worker.served >= _INPUTS_A_WORKER:
                worker.end()
                worker = Worker()
            if change in fuzz_files.KINDS[kind].lenient:
                done = fuzz_changes.Done(is_wrong=False)
            given, outcome = Input(kind, file, change, label, done), worker.read(kind, changed)
            verdict = judged(given, outcome)
            counts[kind][verdict] += 1
            peaks[kind] = max(peaks[kind], outcome.peak)
            if verdict in _BAD:
                short.append(f"{verdict}: {kind}: {file}: {change} ({label}) {done.place}: {outcome.told.strip()}")
                if keep is not None:
                    shutil.copytree(changed, keep / label.replace("/", "_"), symlinks=True, dirs_exist_ok=True)
    worker.end()
    print(table(counts, peaks))
    for line in short:
        print(line)
    return counts


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(fuzz_files.KINDS))
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        return work()
    began = time.monotonic()
    counts = run(given.inputs, seed=given.seed, kinds=given.kinds.split(","), keep=given.keep)
    total: collections.Counter = sum(counts.values(), collections.Counter())
    wrong = total["refused"] + total["taken"] + total["unnamed"]
    took, share = time.monotonic() - began, 100 * total["refused"] / wrong
    print(f"{total.total()} inputs in {took:.0f} s; {share:.1f} % of the wrong ones were refused.")


if __name__ == "__main__":
    main()
