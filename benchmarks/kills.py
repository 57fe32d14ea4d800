"""Kills a tiny run again and again, and compares what it ends with with a run that nobody killed.

python benchmarks/kills.py [--kills=20] [--seed=0]

Every third kill waits for a checkpoint that is half-written, every third for a change of the cloud (its growth); the
others come at a random moment: some lines of the log and some tenths of a second after the start. Every run is a
process of its own, forked from one that has imported all there is to import and computed nothing.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import pathlib
import random
import sys
import tempfile
import time
from multiprocessing.context import ForkServerProcess

import numpy as np

_ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT))


def run(folder: pathlib.Path, workdir: pathlib.Path) -> None:
    """Trains, or continues; says by a file when the cloud changes. Without pictures."""
    import jax

    from pegasus_jax.families.points import cloud
    from pegasus_jax.training import figures, train
    from tests.training import tiny

    change = cloud.change_cloud

    def announced(*args, **options):
        (folder / "changing").touch()
        time.sleep(0.2)
        return change(*args, **options)

    cloud.change_cloud = announced
    figures.held_out_sheet = lambda *args, **options: None
    jax.config.update("jax_compilation_cache_dir", str(folder / "cache"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # hundreds of small ones, at each start
    with contextlib.redirect_stderr(io.StringIO()):
        config = tiny.config(total_frames=240, cloud__period=32, every__checkpoint=8)
        train(config, data=[folder / "me"], workdir=workdir, head=folder / "head.npz")


def start(folder: pathlib.Path, workdir: pathlib.Path) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pegasus_jax.training", "tests.training.tiny"])
    process = context.Process(target=run, args=(folder, workdir))
    process.start()
    return process


def finish(folder: pathlib.Path, workdir: pathlib.Path) -> None:
    """Runs to the end."""
    process = start(folder, workdir)
    process.join()
    assert process.exitcode == 0


def lines(workdir: pathlib.Path) -> int:
    """Of the log."""
    log = workdir / "metrics.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def kill_once(kind: int, folder: pathlib.Path, workdir: pathlib.Path, rng: random.Random) -> str | None:
    """How the run was killed; None if it ended before."""
    (folder / "changing").unlink(missing_ok=True)
    wanted, delay = lines(workdir) + rng.randint(0, 2), rng.uniform(0.0, 0.5)
    moments = (
        ("during a checkpoint", lambda: any((workdir / "checkpoints").glob("*tmp*"))),
        ("during a change of the cloud", (folder / "changing").exists),
        (f"{delay:.1f} s after line {wanted}", lambda: lines(workdir) >= wanted),
    )
    how, has_come = moments[kind]
    process = start(folder, workdir)
    while process.exitcode is None:
        if has_come():
            time.sleep(delay if kind == 2 else 0.0)
            process.kill()
            process.join()
            return how
        time.sleep(0.002)
    if process.exitcode:
        raise SystemExit(f"The run failed with status {process.exitcode}.")
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    from pegasus_jax.inference import checkpoint
    from tests.training import tiny

    os.environ["PYTHONPATH"] = str(_ROOT)  # for the process that imports beforehand
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        tiny.write_dataset(folder / "me")
        tiny.write_head(folder / "head.npz")
        finish(folder, folder / "straight")
        killed = 0
        for number in range(arguments.kills):
            how = kill_once(number % 3, folder, folder / "killed", rng)
            killed += how is not None
            newest = sorted(int(path.name) for path in (folder / "killed" / "checkpoints").glob("[0-9]*[0-9]"))
            print(f"kill {number + 1}: {how or 'it had ended'}; checkpoints {newest}", flush=True)
        finish(folder, folder / "killed")
        straight, resumed = (checkpoint.read_newest(folder / run) for run in ("straight", "killed"))
        odd = [name for name in straight if not np.array_equal(straight[name], resumed[name])]
        print(f"{killed} kills; arrays that differ from the run that was not killed: {odd or 'none'}")
        sys.exit(bool(odd))


if __name__ == "__main__":
    main()
