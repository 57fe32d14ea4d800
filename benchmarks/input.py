"""How soon a very large dataset folder is ready, and whether frames come faster than steps take them.

    python benchmarks/input.py --frames=100000

Writes a folder of so many frames (pictures, mattes, masks of hair, parameters), reads it, and streams frames of it
from the disk, as a run does that may keep none in memory, and from memory; beside them the steps of a config on this
device, with its largest cloud. Linux.
"""

import argparse
import json
import pathlib
import resource
import tempfile
import time
from collections.abc import Iterator

import cv2
import jax
import numpy as np
from examples import example

from pegasus_jax.data import Dataset, read_dataset
from pegasus_jax.data.frames import ClipFrames, frame_order
from pegasus_jax.data.store import FrameStore
from pegasus_jax.training.parallel import DataParallel

_STEPS = 16
_BATCHES = 64
_KEPT = 256  # frames, of which those from memory are


def write_folder(out: pathlib.Path, count: int, side: int) -> None:
    """`count` frames of noise over a gradient, of a few kinds; IMAvatar's layout."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, side * side).reshape(side, side, 1)
    kinds = {"image": 3, "mask": 1, "parts/hair": 1}
    for name, channels in kinds.items():
        (out / name).mkdir(parents=True)
        shown = [ramp + rng.integers(0, 40, (side, side, channels)) for _ in range(8)]
        files = [cv2.imencode(".png", picture.astype(np.uint8))[1].tobytes() for picture in shown]
        for number in range(count):
            (out / name / f"{number + 1}.png").write_bytes(files[number % len(files)])
    camera = np.hstack([np.eye(3), [[0.0], [0.0], [-4.0]]]).tolist()
    rest = [
        json.dumps(
            {
                "world_mat": camera,
                "expression": rng.normal(size=50).tolist(),
                "pose": rng.normal(size=15).tolist(),
                "bbox": [-0.5, -0.5, 0.5, 0.5],
                "flame_keypoints": rng.normal(size=(68, 2)).tolist(),
            }
        )[1:]
        for _ in range(8)
    ]
    listed = (f'{{"file_path": "./image/{number + 1}", {rest[number % len(rest)]}' for number in range(count))
    whole = {"shape_params": [0.0] * 100, "intrinsics": [-2.5, 2.5, 0.5, 0.5]}
    (out / "flame_params.json").write_text(f'{{"frames": [{", ".join(listed)}], {json.dumps(whole)[1:]}')


def streamed(store: FrameStore, orders: Iterator[np.ndarray]) -> float:
    """Frames a second."""
    began, count = time.monotonic(), 0
    with store.stream(orders) as batches:
        for batch in batches:
            count += len(batch.frame)
    return count / (time.monotonic() - began)


def stepped(spec: str) -> float:
    """Frames a second of steps on one device."""
    of, parallel = example(spec), DataParallel(jax.devices()[:1])
    step, scene, batch = parallel.wrap(of.step), parallel.replicate(of.scene), parallel.split(of.batch)
    state, _ = step(parallel.replicate(of.state), batch, scene)
    jax.block_until_ready(state)
    began = time.monotonic()
    for _ in range(_STEPS):
        state, _ = step(state, batch, scene)
    jax.block_until_ready(state)
    return _STEPS * of.settings.batch_size / (time.monotonic() - began)


def report(dataset: Dataset, spec: str) -> None:
    """Prints the rates."""
    settings = example(spec, points=64).settings
    size, count = (settings.image_size, settings.image_size), settings.batch_size
    rows = np.arange(len(dataset))

    def orders(among: int) -> Iterator[np.ndarray]:
        return (frame_order(0, index * count, count, among) for index in range(_BATCHES))

    disk = streamed(FrameStore([ClipFrames(dataset, rows, image_size=size)]), orders(len(rows)))
    kept = FrameStore([ClipFrames(dataset, rows[:_KEPT], image_size=size)], budget=2**40)
    kept.batch(range(min(_KEPT, len(rows))))
    memory = streamed(kept, orders(min(_KEPT, len(rows))))
    steps = stepped(spec)
    print(f"{spec} on {jax.devices()[0].device_kind}: steps take {steps:.1f} frames a second")
    print(f"from the disk: {disk:.0f} frames a second, {disk / steps:.0f} times as many")
    print(f"from memory: {memory:.0f} frames a second, {memory / steps:.0f} times as many")


def main() -> None:
    """Writes, reads, streams."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=128, help="of the stored pictures, pixels")
    parser.add_argument("--config", default="configs/laptop.py")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_folder(pathlib.Path(folder) / "clip", options.frames, options.side)
        before, began, busy = _resident(), time.monotonic(), time.process_time()
        dataset = read_dataset(pathlib.Path(folder) / "clip")
        seconds, computed = time.monotonic() - began, time.process_time() - busy
        grown, peak = _resident() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
        print(f"{len(dataset)} frames: ready after {seconds:.1f} s ({computed:.1f} s of computing), ", end="")
        print(f"in {grown:.0f} MiB, {peak:.0f} while reading")
        report(dataset, options.config)


def _resident() -> float:
    """MiB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
