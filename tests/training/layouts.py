"""One run on several layouts of devices and processes; what `test_layouts.py` starts as programs.

python -m tests.training.layouts FOLDER DEED [PORT NUMBER]

With a port the process is NUMBER of two. Every process has as many CPU devices as $XLA_FLAGS forces.
"""

import json
import pathlib
import shutil
import sys
import time

import jax
import numpy as np

from pegasus_jax import processes
from pegasus_jax.core.leaves import flat
from pegasus_jax.core.model import initial_state
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import ClipFrames
from pegasus_jax.data.store import FrameStore
from pegasus_jax.errors import UserError
from pegasus_jax.families.points import cloud
from pegasus_jax.flame import load_head
from pegasus_jax.training import figures, loop, watchdog
from pegasus_jax.training.journal import Journal
from pegasus_jax.training.parallel import DataParallel
from pegasus_jax.training.settings import from_config, with_looks
from pegasus_jax.training.step import Step
from tests.training import tiny

FRAMES, GLOBAL_BATCH = 200, 4
OWN, MIXED = (5, 0, 3, 6), (1, 2, 9, 12)  # frames of the own folder alone, and of both looks
PATIENCE = 8.0  # seconds without a sign of life, of which there is one a second
POISONED = 6  # the frame whose pose is not a number


def write_case(folder: pathlib.Path) -> None:
    """An own folder, one with another's hair, and a head."""
    tiny.write_dataset(folder / "me")
    tiny.write_swapped(folder / "x1", "hair", "ada", normals=False)
    tiny.write_head(folder / "head.npz")


def data(folder: pathlib.Path) -> list[pathlib.Path]:
    return [folder / "me", folder / "x1"]


def config(devices: int, **changes):
    """50 steps of 4 frames through two stages; the cloud is pruned and filled up again three times."""
    values = {
        "batch_size": GLOBAL_BATCH // devices,
        "stage_one_frames": 80,
        "total_frames": FRAMES,
        "cloud__max_points": 96,
        "cloud__period": 40,
        "every__log": 20,
        "every__checkpoint": 100,
        "cloud__nearest_period": 20,
    }
    return tiny.config(**(values | changes))


def on(devices: int) -> None:
    """Runs from here on have only the first devices."""
    loop.DataParallel = lambda: DataParallel(jax.devices()[:devices])


def train(folder: pathlib.Path, name: str, devices: int, *, stage_one_frames: int = 80, **options) -> None:
    """A run that also leaves the number of points before, in and after each change of its cloud."""
    change, changes = cloud.change_cloud, []

    def counted(state, schedule, key, *, scale, spared):
        kept = np.asarray(state.primitives.alive) & (np.asarray(state.primitives.visible) | spared)
        changed = change(state, schedule, key, scale=scale, spared=spared)
        changes.append(
            [int(number) for number in (state.primitives.alive.sum(), kept.sum(), changed.primitives.alive.sum())]
        )
        return changed

    cloud.change_cloud = counted
    try:
        settings = config(devices, stage_one_frames=stage_one_frames)
        loop.train(settings, data=data(folder), workdir=folder / name, head=folder / "head.npz", **options)
    finally:
        cloud.change_cloud = change
    (folder / name / "changes.json").write_text(json.dumps(changes))


def steps(folder: pathlib.Path, layouts: tuple[int, ...]) -> None:
    """Writes what one step makes of the same state on each number of devices."""
    settings = with_looks(from_config(config(1)), ("hair",), swapped=data(folder)[1:])
    videos = loop.load_videos([read_dataset(path) for path in data(folder)], settings)
    model = loop.make_model(settings, load_head(folder / "head.npz"), videos, betas=tiny.BETAS)
    state = initial_state(model, overlaps_per_point=settings.overlaps_per_point)
    for devices in layouts:
        parallel = DataParallel(jax.devices()[:devices])
        step = parallel.wrap(Step(model, 0, True, settings.overlaps_per_point))
        constants = parallel.replicate(model.constants)
        for name, rows in {"own": OWN, "mixed": MIXED}.items():
            if devices == 1 and name == "mixed":
                continue  # a device has frames of one look
            frames = videos.train.batch(parallel.share(np.array(rows)))
            assert parallel.compiled(step, state, frames, model.constants).memory_analysis(), (
                "and the call takes that program"
            )
            after, metrics = step(parallel.replicate(state), parallel.split(frames), constants)
            copies = flat(after)
            for leaf in copies.values():
                np.testing.assert_array_equal(np.asarray(leaf)[0], np.asarray(leaf)[-1])
            found = flat({"state": parallel.unreplicate(after), "metrics": parallel.unreplicate(metrics)})
            if processes.is_first():
                np.savez(folder / f"step_{processes.count()}x{devices // processes.count()}_{name}.npz", **found)


def ordered(folder: pathlib.Path, layouts: tuple[int, ...]) -> None:
    """A deterministic run on each number of devices; one that moves; and one with a frame that is not a number."""
    for devices in layouts:
        on(devices)
        train(folder, f"run_1x{devices}", devices, deterministic=True)
    shutil.copytree(folder / f"run_1x{layouts[0]}", folder / "run_moved")
    shutil.rmtree(folder / "run_moved" / "checkpoints" / str(FRAMES))
    train(folder, "run_moved", layouts[-1], deterministic=True)
    batch = FrameStore.batch

    def poisoned(self, rows):
        frames = batch(self, rows)
        frames.pose[frames.frame == POISONED] = np.nan
        return frames

    FrameStore.batch = poisoned
    try:
        train(folder, "run_poisoned", layouts[-1], deterministic=True)
    except UserError as error:
        (folder / "poisoned.txt").write_text(str(error))
    FrameStore.batch = batch


def free(folder: pathlib.Path, layouts: tuple[int, ...]) -> None:
    """Runs that add up in any order; but for the last step they see own frames alone, whose order is one on all."""
    for devices in layouts:
        on(devices)
        train(folder, f"free_1x{devices}", devices, stage_one_frames=FRAMES - GLOBAL_BATCH)


def hold(folder: pathlib.Path, frames: int) -> None:
    """Makes a pair wait at the first line of its log with so many frames, until `release`."""
    (folder / "hold").write_text(str(frames))


def release(folder: pathlib.Path) -> None:
    (folder / "hold").unlink()


def held_from(folder: pathlib.Path) -> int:
    try:
        return int((folder / "hold").read_text())
    except FileNotFoundError:
        return FRAMES + 1


def pair(folder: pathlib.Path) -> None:
    """The same run as one of two processes, which waits where it is to be stopped; which frames it read."""
    read, frames, write = ClipFrames.read, [], Journal.write

    def write_and_wait(self, seen, steps, model):
        write(self, seen, steps, model)
        deadline = time.monotonic() + 60.0
        while seen >= held_from(folder) and time.monotonic() < deadline:
            time.sleep(0.01)

    Journal.write = write_and_wait

    def counted(self, rows):
        frames.extend(rows.tolist())
        return read(self, rows)

    ClipFrames.read = counted
    if not (folder / "step_2x2_mixed.npz").exists():
        steps(folder, (jax.device_count(),))
    frames.clear()
    train(folder, "run_2x2", jax.device_count(), deterministic=True, cache_gib=0.0)
    (folder / f"read_{processes.index()}.json").write_text(json.dumps(len(frames)))


def other_seed(folder: pathlib.Path) -> None:
    """A run of two processes that were not given the same config."""
    settings = config(jax.device_count(), seed=3 + processes.index())
    loop.train(settings, data=data(folder), workdir=folder / "run_odd", head=folder / "head.npz")


def main(folder: str, deed: str, port: str = "", number: str = "0") -> None:
    watchdog.PATIENCE_SECONDS = PATIENCE
    figures.held_out_sheet = lambda *arguments, **options: None  # tested elsewhere, and slow to compile
    if port:
        processes.join(f"127.0.0.1:{port}", 2, int(number))
    if deed == "alone":
        steps(pathlib.Path(folder), (1, 2, 4))
        ordered(pathlib.Path(folder), (1, 2))
        free(pathlib.Path(folder), (1, 4))
    else:
        {"pair": pair, "other_seed": other_seed}[deed](pathlib.Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
