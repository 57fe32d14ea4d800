"""States the memory that the rasteriser's backends take at the jobs of splatting.py, and prints one table.

    python benchmarks/splatting_memory.py --backends=cpu,xla,reference

`planned` is what XLA reserves for a call's intermediates and results. It does not see what the native backend
allocates in C++; `measured` does: by how much the resident memory of this process grows during one call. Arguments are
in neither. A call that plans more than 1 GiB is not made. Linux only.
"""

import argparse
import ctypes
import pathlib
import time

import jax
from splatting import JOBS, Job, Program, passes

_MIB = 2**20
_MMAP_THRESHOLD = -3  # mallopt's name for it
_MOST = 1024 * _MIB  # bytes planned by a call that is still made


def planned(program: Program) -> int:
    """Bytes that XLA reserves for intermediates and results."""
    analysis = program.compiled.memory_analysis()
    return analysis.temp_size_in_bytes + analysis.output_size_in_bytes


def measured(program: Program) -> int:
    """Bytes by which a call raises the peak of this process's resident memory: the largest of three."""
    jax.block_until_ready(program())  # what is set up once is not counted
    return max(_growth(program) for _ in range(3))


def _growth(program: Program) -> int:
    time.sleep(0.2)  # what the last call has used is let go by another thread
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is resident now
    before = _peak()
    jax.block_until_ready(program())
    return _peak() - before


def _peak() -> int:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def row(job: Job, backend: str) -> str:
    """A row of the table: planned and measured MiB of the forward pass, then of both."""
    cells = [str(job.points), f"{job.size}²", str(job.channels), str(job.batch), backend]
    for program in passes(job, backend).values():
        plan = planned(program)
        cells.append(f"{plan / _MIB:.1f}")
        cells.append(f"{measured(program) / _MIB:.1f}" if plan <= _MOST else "not run")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", default="cpu,xla,reference", help="comma-separated")
    options = parser.parse_args()
    # Memory that was freed goes back at once: taken again, it would not show as growth.
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 64 * 1024)
    print("| points | pixels | C | batch | backend | forward, planned | measured | both, planned | measured, MiB |")
    print("|---" * 9 + "|")
    for job in JOBS:
        for backend in options.backends.split(","):
            print(row(job, backend), flush=True)


if __name__ == "__main__":
    main()
