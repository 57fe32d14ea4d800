"""What a run tells while it trains: a progress bar, metrics.jsonl and TensorBoard; by the first process alone."""

import json
import os
import pathlib

import tensorboardX

from pegasus_jax import atomic, processes, progress
from pegasus_jax.inference.run_record import METRICS, read_journal


class Journal:
    """Use as a context manager.

    Args:
        folder: the work folder.
        total: frames of the whole run.
        seen: frames that it has seen already; what a killed run logged after them is dropped.
    """

    def __init__(self, folder: pathlib.Path, *, total: int, seen: int):
        self._writes = processes.is_first()
        if self._writes:
            _cut(folder, seen)
            self._log = (folder / METRICS).open("a")
            self._board = tensorboardX.SummaryWriter(str(folder / "tensorboard"))
            self._bar = progress.bar(total, desc="training", initial=seen)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writes:
            self._bar.close()
            self._board.close()
            self._log.close()

    def advance(self, frames: int) -> None:
        """Some more frames are seen."""
        if self._writes:
            self._bar.update(frames)

    def write(self, seen: int, steps: dict[str, float], model: dict[str, float]) -> None:
        """The figures of the steps up to `seen` frames, and what the model says of itself, which the bar shows, too."""
        if not self._writes:
            return
        figures = steps | model
        self._log.write(json.dumps({"frames": seen, **figures}) + "\n")
        self._log.flush()
        for name, value in figures.items():
            self._board.add_scalar(f"train/{name}", value, seen)
        self._bar.set_postfix(
            loss=f"{figures['loss']:.4f}",
            psnr=f"{figures['psnr']:.2f}",
            **{name: f"{value:.5g}" for name, value in model.items()},
            its=f"{figures['steps_per_second']:.2f}/s",
        )


def _cut(folder: pathlib.Path, frames_seen: int) -> None:
    """Drops what a killed run logged after its last checkpoint: it will be logged again. And what cannot be read."""
    path = folder / METRICS
    if not os.path.lexists(path):
        return
    logged, lost = read_journal(folder)
    kept = [entry for entry in logged if entry["frames"] <= frames_seen]
    if lost:
        progress.note(f"{path}: {lost} lines cannot be read and are left out.")
    if lost or len(kept) < len(logged):
        with atomic.file(path) as temporary:
            temporary.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
