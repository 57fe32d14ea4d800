"""The training loop: reads dataset folders, moves a state through its schedule, leaves pictures and checkpoints."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from pegasus_jax import families, processes, progress
from pegasus_jax.core import perceptual_loss
from pegasus_jax.core.model import AvatarModel, TrainState, initial_state
from pegasus_jax.data import read_dataset
from pegasus_jax.data.mattes import check_mattes
from pegasus_jax.data.run_data import Perceptual, RunData
from pegasus_jax.data.stages import Stages, next_multiple
from pegasus_jax.data.videos import Videos
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import (
    AvatarDescription,
    check_head,
    default_head,
    tracked_with,
    write_description,
)
from pegasus_jax.flame import load_head
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.training import duration, figures, memory, preflight
from pegasus_jax.training import workdir as work_folder
from pegasus_jax.training.checkpoints import Checkpoints
from pegasus_jax.training.journal import Journal
from pegasus_jax.training.looks import Sources, sources
from pegasus_jax.training.parallel import DataParallel, InFrameOrder
from pegasus_jax.training.preemption import Preemption
from pegasus_jax.training.settings import Settings, Stretch, from_config, with_looks
from pegasus_jax.training.step import Step
from pegasus_jax.training.videos import in_size, load_videos
from pegasus_jax.training.watchdog import Watchdog

CACHE_GIB = 4.0


@dataclasses.dataclass(frozen=True)
class Options:
    """What a run may be told besides its config."""

    head: pathlib.Path | None = None
    vgg_weights: pathlib.Path | None = None
    deterministic: bool = False
    cache_gib: float = CACHE_GIB


def train(
    config: ml_collections.ConfigDict,
    *,
    data: Sequence[pathlib.Path],
    workdir: pathlib.Path,
    head: pathlib.Path | None = None,
    vgg_weights: pathlib.Path | None = None,
    deterministic: bool = False,
    cache_gib: float = CACHE_GIB,
) -> None:
    """Trains one avatar from dataset folders, or continues the run in `workdir`.

    Folders of one person's own videos, and of the same with parts of others, as `synthesize` makes them. In a run of
    several processes (`processes.join`) all of them call this, and the first one alone writes.

    Args:
        config: see `configs/`.
        data: dataset folders.
        workdir: the work folder.
        head: the head model; found by itself without it.
        vgg_weights: for the perceptual loss.
        deterministic: makes results bit-equal on any number of devices and processes with one number of frames per
            step; slower.
        cache_gib: memory for decoded frames in each process, GiB.

    Raises:
        UserError: a folder, the config, the head model or the work folder does not fit; there is too little memory; the
            loss is not finite; the processes differ.
        SystemExit: with status 0, after SIGTERM: the state is saved, and the same call continues.
    """
    options = Options(head, vgg_weights, deterministic, cache_gib)
    with Watchdog(), contextlib.ExitStack() as held:
        run = _prepared(config, [pathlib.Path(folder) for folder in data], pathlib.Path(workdir), options, held)
        if run.execute():
            return
    progress.note(f"Asked to end: saved at {int(run.state.frames_seen)} frames; the same command continues.")
    raise SystemExit(0)


def _prepared(
    config: ml_collections.ConfigDict,
    data: list[pathlib.Path],
    workdir: pathlib.Path,
    options: Options,
    held: contextlib.ExitStack,
) -> "_Run":
    """Everything checked, and the work folder made, which is this process's until `held` is closed."""
    settings = from_config(config)
    families.find(settings.family).check_device(settings.model)
    datasets = [read_dataset(folder) for folder in data]
    for note in (note for dataset in datasets for note in dataset.notes):
        print(note)
    found = sources(datasets)
    settings = with_looks(settings, found.categories, swapped=[dataset.folder for dataset in found.swapped])
    head = load_head(options.head) if options.head else default_head(tracked_with(found.own[0]))
    for dataset in datasets:
        check_head(dataset, head)
        check_mattes(dataset)
    resolved: dict[str, Any] = {"config": config.to_dict()}
    if options.deterministic:
        resolved["deterministic"] = True
    preflight.check_agreement(resolved | {"head": head.sha256}, datasets)
    if processes.is_first():
        work_folder.prepare(workdir, resolved | {"data": [str(folder) for folder in data]})
        held.enter_context(work_folder.claimed(workdir))
    return _Run(settings, found, head, workdir, options)


def make_model(
    settings: Settings,
    head: HeadModel,
    videos: Videos,
    *,
    betas: np.ndarray,
    stages: Stages | None = None,
    perceptual: Perceptual | None = None,
) -> AvatarModel:
    """The family's model of a run of one person of shape `betas` (100,); `stages` say which frames it sees when."""
    return families.find(settings.family).model(
        RunData(
            settings=settings.model,
            seed=settings.seed,
            total_frames=settings.total_frames,
            image_size=settings.image_size,
            head=head,
            betas=betas,
            videos=videos,
            stages=stages or Stages(settings.seed, settings.batch_size, settings.stage_one_frames or 0, videos.counts),
            perceptual=perceptual,
        )
    )


def _sizes(tree: Any) -> list[tuple[int, ...]]:
    return [np.shape(leaf) for leaf in jax.tree.leaves(tree)]


class _Run:
    """One process's training: settings, frames, state, and the places that it writes to."""

    def __init__(self, settings: Settings, found: Sources, head: HeadModel, folder: pathlib.Path, options: Options):
        self.settings, self.folder, self.options = settings, folder, options
        self.looks = found.names
        budget = int(options.cache_gib * 2**30)
        self.videos = load_videos([*found.own, *found.swapped], settings, budget=budget)
        share = 1 if options.deterministic else settings.batch_size
        self.stages = Stages(settings.seed, share, settings.stage_one_frames or 0, self.videos.counts)
        self.model = make_model(
            settings,
            head,
            self.videos,
            betas=found.own[0].betas,
            stages=self.stages,
            perceptual=perceptual_loss.vgg_loss(options.vgg_weights) if options.vgg_weights else None,
        )
        sizes = {stretch.image_size for stretch in settings.stretches()}
        self.frames = {size: in_size(self.videos, size, budget=budget).train for size in sizes}
        for store in self.frames.values():
            store.finish = self.model.prepare
        self.state = initial_state(self.model, overlaps_per_point=settings.overlaps_per_point)
        if processes.is_first():
            write_description(folder, self._description(found, head))
        self.parallel = DataParallel()
        self.step = self._compiled_step()

    def _description(self, found: Sources, head: HeadModel) -> AvatarDescription:
        return AvatarDescription.of_run(
            family=self.settings.family,
            model=self.model.describe(),
            head=head,
            head_path=self.options.head,
            betas=found.own[0].betas,
            canonical_expression=self.videos.expression_c,
            looks=self.looks,
            image_size=self.settings.image_size,
            mean_pose=self.videos.mean_pose,
        )

    def _compiled_step(self):
        settings, self.room = self.settings, int(self.state.overlaps_per_point)
        step = Step(self.model, settings.seed, settings.random_background, self.room)
        return InFrameOrder(self.parallel, step) if self.options.deterministic else self.parallel.wrap(step)

    @property
    def seen(self) -> int:
        """Frames seen."""
        return int(self.state.frames_seen)

    def _step_frames(self, seen: int) -> int:
        """Frames of one step of all devices after `seen` frames."""
        return self.settings.stretch(seen).batch_size * self.parallel.size

    def execute(self) -> bool:
        """Runs to the end of the schedule, or until it is asked to end; whether it came to the end."""
        total = self.settings.total_frames
        with Checkpoints(self.folder) as checkpoints, Preemption() as preemption:
            self.state = checkpoints.restore(self.state) or self.state
            self._provide_room()
            with Journal(self.folder, total=total, seen=self.seen) as journal:
                self._announce()
                while self.seen < total and not preemption.asked:
                    self._stretch(journal, preemption)
                    checkpoints.save(self.state)
                    if not preemption.asked:
                        self._draw()
        if self.seen >= total and processes.is_first():
            self.model.finish(self.state, self.folder)
        return self.seen >= total

    def _announce(self) -> None:
        """Says what memory and time the run will take; of `--deterministic` runs, which are short, nothing.

        Raises:
            UserError: there is too little memory.
        """
        settings = self.settings
        if self.options.deterministic or self.seen >= settings.total_frames:
            return
        starts = (0, *(stretch.until for stretch in settings.coarse))
        counts, seconds = [], []
        for start, stretch in reversed(list(zip(starts, settings.stretches()))):  # the last one needs most memory
            begins = max(start, self.seen)
            if begins < stretch.until:
                counts.append(stretch.until - begins)
                seconds.append(self._seconds_a_frame(stretch, begins))
        if processes.is_first():
            progress.note(duration.in_words(counts, seconds))

    def _seconds_a_frame(self, stretch: Stretch, begins: int) -> float:
        """What a frame of a part of the run takes: the mean of the state as it is and as large as it may become."""
        frames, step_frames = self.frames[stretch.image_size], stretch.batch_size * self.parallel.size
        batch = frames.batch(self.parallel.share(self.stages.rows(begins, step_frames)))
        largest = self.model.largest(self.state)
        states = [largest] if _sizes(largest) == _sizes(self.state) else [largest, self.state]
        arguments = self.parallel.split(batch), self.parallel.replicate(self.model.constants)
        seconds = []
        for state in states:
            program = self.parallel.compiled(self.step, state, batch, self.model.constants)
            if state is largest and stretch.until == self.settings.total_frames:
                self._check_memory(program, largest, stretch, frames.bytes_to_come(batch))
            seconds.append(duration.seconds_a_step(program, self.parallel.replicate(state), *arguments))
        return float(np.mean(seconds)) / step_frames

    def _check_memory(self, program, largest: TrainState, stretch: Stretch, frames_to_come: int) -> None:
        """Says what memory the last part of the run will take."""
        work = memory.Work(self.model.size(largest), stretch.image_size, stretch.batch_size, self.model.memory_knob())
        needed = memory.need(program, self.parallel.local, work=work, frames=frames_to_come)
        said = memory.checked(needed, memory.there_is(self.parallel.local[0]))
        if processes.is_first():
            progress.note(said)

    def _draw(self) -> None:
        if processes.is_first():
            worn = self.looks[: self.stages.worn(self.seen - 1)]
            figures.held_out_sheet(self.folder, self.model, self.state, self.videos.test, looks=worn)

    def _stretch(self, journal: Journal, preemption: Preemption) -> None:
        """From one checkpoint to the next, if it is not asked to end before."""
        end = min(next_multiple(self.seen, self.settings.every.checkpoint), self.settings.total_frames)
        while (seen := self.seen) < end and not preemption.asked:
            size = self._step_frames(seen)
            if seen == 0 or self._pause(seen - size) <= seen:  # else it only ended here, and continues
                self.state = self.model.change(self.state, seen, size)
            self._steps(seen, min(end, self._pause(seen)), journal, preemption)

    def _pause(self, seen: int) -> int:
        """Where steps that follow `seen` frames stop, so that the host looks at the state."""
        settings = self.settings
        return min(
            next_multiple(seen, settings.every.checkpoint),
            settings.stretch(seen).until,
            self.model.next_pause(seen, self._step_frames(seen)),
            next_multiple(seen, settings.every.log),
        )

    def _steps(self, seen: int, stop: int, journal: Journal, preemption: Preemption) -> None:
        """Steps until `stop` frames are seen, without looking at the device in between."""
        size, began, history = self._step_frames(seen), time.monotonic(), []
        state = self.parallel.replicate(self.state)
        constants = self.parallel.replicate(self.model.constants)
        starts = range(seen, stop, size)
        frames = self.frames[self.settings.stretch(seen).image_size]
        with frames.stream(self.parallel.share(self.stages.rows(start, size)) for start in starts) as batches:
            for batch in batches:
                state, metrics = self.step(state, self.parallel.split(batch), constants)
                history.append(metrics)
                journal.advance(size)
                if preemption.after(seen // size + len(history)):
                    break
        self.state = self.parallel.unreplicate(state)
        self._check_finite(history, seen, size)
        rate = len(history) / (time.monotonic() - began)
        figures = self._figures(history) | {"steps_per_second": rate}
        journal.write(self.seen, figures, self.model.figures(self.state))

    def _figures(self, history: list[dict[str, jax.Array]]) -> dict[str, float]:
        """Means over some steps; room is made for primitives that had none."""
        names = [name for name in history[0] if name != "finite"]
        figures_now = {name: float(np.mean([np.asarray(metrics[name])[0] for metrics in history])) for name in names}
        if figures_now["overflow"]:
            self._make_room(figures_now["overflow"])
        return figures_now

    def _make_room(self, overflow: float) -> None:
        """Primitives covered more tiles than the rasteriser had room for: the steps to come get twice as much."""
        roomier = 2 * self.room
        progress.note(
            f"{overflow:.0f} (tile, point) pairs a step did not fit and were not drawn; "
            f"overlaps_per_point grows to {roomier}."
        )
        self.state = dataclasses.replace(self.state, overlaps_per_point=jnp.int32(roomier))
        self._provide_room()

    def _provide_room(self) -> None:
        """Steps have the room that the state says: a run that is continued, too."""
        if int(self.state.overlaps_per_point) != self.room:
            self.step = self._compiled_step()

    def _check_finite(self, history: list[dict[str, jax.Array]], start: int, size: int) -> None:
        """The figure `finite` is of equal shares of a step's frames, in their order."""
        for number, metrics in enumerate(history):
            finite = np.asarray(metrics["finite"])[0]
            if not finite.all():
                first = start + number * size
                rows = self.stages.rows(first, size).reshape(len(finite), -1)[~finite]
                raise UserError(
                    f"The loss is not finite between {first} and {first + size} frames seen (training "
                    f"frames {sorted(rows.reshape(-1).tolist())}); the last good checkpoint in {self.folder} is kept: "
                    "look at these frames, or lower the learning rates."
                )
