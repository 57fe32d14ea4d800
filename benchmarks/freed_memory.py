"""What keeping freed memory is worth to training on a CPU: steps per second with and without, side by side.

    python launch.py demo --workdir=runs/demo
    python benchmarks/freed_memory.py --data=runs/demo/data/ada

Runs of 120 frames with configs/demo.py:donor, in turn, each in a process of its own. Linux with glibc.
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
_FRAMES, _LOG = 120, 20
_ROUNDS = 3


def run_one(data: str, *, kept: bool) -> None:
    """Trains for a moment; prints the steps per second of its second half, and the peak of the memory in MiB."""
    from pegasus_jax import assets, config, devices
    from pegasus_jax.training import train

    if kept:
        devices.keep_freed_memory()
    devices.enable_compilation_cache(assets.cache_folder())
    every = {"log": _LOG, "checkpoint": _FRAMES}
    overrides = [f"total_frames={_FRAMES}", "point_corrections=False"]
    overrides += [f"cloud.{name}={_FRAMES}" for name in ("period", "nearest_period")]
    overrides += [f"every.{name}={count}" for name, count in every.items()]
    settings = config.load_config(f"{_ROOT / 'configs' / 'demo.py'}:donor", overrides=overrides)
    with tempfile.TemporaryDirectory() as folder:
        workdir = pathlib.Path(folder) / "run"
        train(settings, data=[pathlib.Path(data)], workdir=workdir)
        lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    rates = [line["steps_per_second"] for line in lines][len(lines) // 2 :]
    print(json.dumps([sum(rates) / len(rates), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def _measured(data: str, *, kept: bool) -> tuple[float, float]:
    words = [sys.executable, __file__, f"--data={data}", f"--one={'kept' if kept else 'returned'}"]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    rate, peak = json.loads(done.stdout.splitlines()[-1])
    return rate, peak


def main() -> None:
    """Prints a row for each round, or does one run of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a dataset folder")
    parser.add_argument("--one", choices=("kept", "returned"), help="one run alone")
    options = parser.parse_args()
    if options.one:
        return run_one(options.data, kept=options.one == "kept")
    _measured(options.data, kept=False)  # compiles
    print("| steps/s as glibc does | kept | ratio | MiB as glibc does | kept |\n" + "|---" * 5 + "|")
    for _ in range(_ROUNDS):
        (before, less), (after, more) = (_measured(options.data, kept=kept) for kept in (False, True))
        print(f"| {before:.2f} | {after:.2f} | {after / before:.2f} | {less:.0f} | {more:.0f} |", flush=True)


if __name__ == "__main__":
    main()
