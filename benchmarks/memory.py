"""Compares the memory that training predicts before its first step with what it then takes, and prints one table.

    python launch.py demo --workdir=runs/demo
    python benchmarks/memory.py --data=runs/demo/data/ben

Each row is a run of some steps in a process of its own, with configs/laptop.py at the row's size. Linux, on a CPU.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

_ROOT = pathlib.Path(__file__).parents[1]
_CONFIG = "configs/laptop.py:quick"
_FRAMES = 16
_JOBS = ((4_096, 96, 1), (15_360, 128, 4), (15_360, 512, 8))  # points, pixels, frames a step


def run_one(data: str, points: int, size: int, batch: int) -> None:
    """Trains for a moment; prints the predicted and the measured peak in bytes."""
    from pegasus_jax import config, devices
    from pegasus_jax.training import memory, train

    devices.keep_freed_memory()
    checked, said = memory.checked, []

    def noted(needed: memory.Need, limits: memory.Limits) -> str:
        said.append(needed)
        return checked(needed, limits)

    memory.checked = noted
    overrides = [
        f"image_size={size}",
        f"batch_size={batch}",
        f"cloud.init_points={points}",
        f"cloud.max_points={points}",
        f"total_frames={_FRAMES}",
        f"cloud.nearest_period={_FRAMES}",
        *(f"every.{name}={_FRAMES}" for name in ("log", "checkpoint")),
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = config.load_config(str(_ROOT / _CONFIG), overrides=overrides)
        train(settings, data=[pathlib.Path(data)], workdir=pathlib.Path(folder) / "run")
    measured = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (needed,) = said
    print(json.dumps([needed.host, needed.program, needed.present, measured]))


def row(data: str, points: int, size: int, batch: int) -> str:
    """A row of the table."""
    words = [sys.executable, __file__, f"--data={data}", f"--one={points},{size},{batch}"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    predicted, program, present, measured = json.loads(done.stdout.splitlines()[-1])
    cells = [f"{count / 2**20:.0f}" for count in (program, present, predicted, measured)]
    return f"| {points} | {size}² | {batch} | " + " | ".join([*cells, f"{predicted / measured:.2f}"]) + " |"


def main() -> None:
    """Prints the table, or does one run of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a dataset folder")
    parser.add_argument("--one", help="POINTS,PIXELS,FRAMES: one run alone")
    options = parser.parse_args()
    if options.one:
        return run_one(options.data, *map(int, options.one.split(",")))
    print("| points | pixels | frames | step | before it | predicted | measured, MiB | ratio |\n" + "|---" * 8 + "|")
    for job in _JOBS:
        print(row(options.data, *job), flush=True)


if __name__ == "__main__":
    main()
