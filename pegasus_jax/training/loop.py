"""The training loop: reads dataset folders, moves a state through its schedule, leaves pictures and checkpoints."""

import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx

from pegasus_jax import devices, processes, progress
from pegasus_jax.core import latents
from pegasus_jax.core import perceptual_loss as perceptual
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import Batch
from pegasus_jax.errors import UserError
from pegasus_jax.families.points import cloud, head_in_clip, joining
from pegasus_jax.families.points.appearance import seen_beyond
from pegasus_jax.families.points.head_space import HeadSpace, may_show, nearest_vertices, point_scale
from pegasus_jax.families.points.initial import initial_state, make_scene
from pegasus_jax.families.points.networks import flame_canonical
from pegasus_jax.flame import load_head
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.inference.description import (
    AvatarDescription,
    check_head,
    default_head,
    tracked_with,
    write_description,
)
from pegasus_jax.inference.load import CORRECTIONS
from pegasus_jax.inference.npz_file import write_npz
from pegasus_jax.training import figures, memory, preflight
from pegasus_jax.training import workdir as work_folder
from pegasus_jax.training.checkpoints import Checkpoints
from pegasus_jax.training.journal import Journal
from pegasus_jax.training.looks import Sources, sources
from pegasus_jax.training.parallel import DataParallel, InFrameOrder
from pegasus_jax.training.preemption import Preemption
from pegasus_jax.training.settings import Settings, from_config, with_looks
from pegasus_jax.training.stages import Stages
from pegasus_jax.training.state import TrainState
from pegasus_jax.training.step import Step, StepConfig
from pegasus_jax.training.videos import load_videos
from pegasus_jax.training.watchdog import Watchdog

CACHE_GIB = 4.0
_PAPER_WIDTH = 512  # of the canonical network


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
    with Watchdog():
        run = _prepared(config, [pathlib.Path(folder) for folder in data], pathlib.Path(workdir), options)
        if run.execute():
            return
    progress.note(f"Asked to end: saved at {int(run.state.frames_seen)} frames; the same command continues.")
    raise SystemExit(0)


def _prepared(
    config: ml_collections.ConfigDict, data: list[pathlib.Path], workdir: pathlib.Path, options: Options
) -> "_Run":
    """Everything checked, and the work folder made."""
    settings = from_config(config)
    _check_device(settings)
    datasets = [read_dataset(folder) for folder in data]
    for note in (note for dataset in datasets for note in dataset.notes):
        print(note)
    found = sources(datasets)
    settings = with_looks(settings, found.categories, swapped=[dataset.folder for dataset in found.swapped])
    model = load_head(options.head) if options.head else default_head(tracked_with(found.own[0]))
    for dataset in datasets:
        check_head(dataset, model)
    resolved: dict[str, Any] = {"config": config.to_dict()}
    if options.deterministic:
        resolved["deterministic"] = True
    preflight.check_agreement(resolved | {"head": model.sha256}, datasets)
    if processes.is_first():
        work_folder.prepare(workdir, resolved | {"data": [str(folder) for folder in data]})
    return _Run(settings, found, model, workdir, options)


class _Run:
    """One process's training: settings, frames, state, and the places that it writes to."""

    def __init__(self, settings: Settings, found: Sources, model: HeadModel, folder: pathlib.Path, options: Options):
        self.settings, self.folder, self.options = settings, folder, options
        self.looks = found.names
        self.videos = load_videos([*found.own, *found.swapped], settings, budget=int(options.cache_gib * 2**30))
        self.stages = Stages(
            settings.seed,
            1 if options.deterministic else settings.batch_size,
            settings.stage_one_frames or 0,
            self.videos.counts,
        )
        self.scene = make_scene(model, self.videos, settings)
        if settings.step.weights.inner:
            self.videos.train.finish = self._with_inner
        self.graphdef, self.state = initial_state(settings, self.scene.space, self.videos)
        if processes.is_first():
            write_description(folder, self._description(found, model))
        self.perceptual = perceptual.vgg_loss(options.vgg_weights) if options.vgg_weights else None
        self.parallel = DataParallel()
        self.step = self._compiled_step(settings.step)
        self.step_frames = settings.batch_size * self.parallel.size
        self.nearest = jax.jit(self._nearest)

    def _with_inner(self, batch: Batch) -> Batch:
        return dataclasses.replace(batch, inner=head_in_clip.inner_shown(self.scene.space, batch))

    def _description(self, found: Sources, model: HeadModel) -> AvatarDescription:
        settings = self.settings
        return AvatarDescription.of_run(
            networks=settings.networks,
            head=model,
            head_path=self.options.head,
            betas=found.own[0].betas,
            canonical_expression=self.videos.expression_c,
            looks=self.looks,
            image_size=settings.image_size,
            max_points_per_pixel=settings.step.render.max_points_per_pixel,
            ndc_per_unit=self.videos.ndc_per_unit,
            mean_pose=self.videos.mean_pose,
        )

    def _compiled_step(self, config: StepConfig):
        step = Step(self.graphdef, config, self.perceptual, self.settings.seed)
        return InFrameOrder(self.parallel, step) if self.options.deterministic else self.parallel.wrap(step)

    @property
    def seen(self) -> int:
        """Frames seen."""
        return int(self.state.frames_seen)

    def execute(self) -> bool:
        """Runs to the end of the schedule, or until it is asked to end; whether it came to the end."""
        total = self.settings.step.total_frames
        with Checkpoints(self.folder) as checkpoints, Preemption() as preemption:
            self.state = checkpoints.restore(self.state) or self.state
            self._provide_room()
            with Journal(self.folder, total=total, seen=self.seen) as journal:
                self._check_memory()
                while self.seen < total and not preemption.asked:
                    self._stretch(journal, preemption)
                    checkpoints.save(self.state)
                    if not preemption.asked:
                        self._draw()
        if self.seen >= total:
            self._write_corrections()
        return self.seen >= total

    def _write_corrections(self) -> None:
        """Also in a run that is continued at its end, if that is what it lacks."""
        path = self.folder / CORRECTIONS
        if self.settings.point_corrections and processes.is_first() and not path.exists():
            found = seen_beyond(self.graphdef, self.state, self.scene.space, self.videos)
            write_npz(path, {"corrections": found.astype(np.float16), "frames_seen": np.array(self.seen)})

    def _check_memory(self) -> None:
        """Says what memory the run will take; of `--deterministic` runs, which are short, nothing."""
        if self.options.deterministic or self.seen >= self.settings.step.total_frames:
            return
        settings, frames = self.settings, self.videos.train
        batch = frames.batch(self.parallel.share(self._rows(self.seen)))
        grown = cloud.empty_at(self.state, max(settings.cloud.max_points, self.state.cloud.capacity))
        program = self.parallel.compiled(self.step, grown, batch, self.scene)
        work = memory.Work(grown.cloud.capacity, settings.image_size, settings.batch_size)
        needed = memory.need(program, self.parallel.local, work=work, frames=frames.bytes_to_come(batch))
        said = memory.checked(needed, memory.there_is(self.parallel.local[0]))
        if processes.is_first():
            progress.note(said)

    def _draw(self) -> None:
        if processes.is_first():
            worn = self.looks[: self.stages.worn(self.seen - 1)]
            figures.held_out_sheet(self.folder, self.graphdef, self.state, self.scene, self.videos.test, looks=worn)

    def _stretch(self, journal: Journal, preemption: Preemption) -> None:
        """From one checkpoint to the next, if it is not asked to end before."""
        end = min(_next(self.seen, self.settings.every.checkpoint), self.settings.step.total_frames)
        while (seen := self.seen) < end and not preemption.asked:
            if seen == 0 or self._pause(seen - self.step_frames) <= seen:  # else it only ended here, and continues
                self._change_cloud(seen)
                self._refresh_nearest(seen)
            self._steps(seen, min(end, self._pause(seen)), journal, preemption)

    def _pause(self, seen: int) -> int:
        """Where steps that follow `seen` frames stop, so that the host looks at the state."""
        every = self.settings.every
        return min(
            _next(seen, every.checkpoint),
            self.settings.step.total_frames,
            _next(seen, every.nearest),
            self.stages.next_stop(seen, self.settings.cloud.period),
            _next(seen, every.log),
        )

    def _steps(self, seen: int, stop: int, journal: Journal, preemption: Preemption) -> None:
        """Steps until `stop` frames are seen, without looking at the device in between."""
        size, began, history = self.step_frames, time.monotonic(), []
        state = self.parallel.replicate(self.state)
        scene = self.parallel.replicate(self.scene)
        starts = range(seen, stop, size)
        with self.videos.train.stream(self.parallel.share(self._rows(start)) for start in starts) as batches:
            for batch in batches:
                state, metrics = self.step(state, self.parallel.split(batch), scene)
                history.append(metrics)
                journal.advance(size)
                if preemption.after(seen // size + len(history)):
                    break
        self.state = self.parallel.unreplicate(state)
        self._check_finite(history, seen)
        rate = len(history) / (time.monotonic() - began)
        journal.write(self.seen, self._figures(history) | {"steps_per_second": rate})

    def _rows(self, seen: int) -> np.ndarray:
        return self.stages.rows(seen, self.step_frames)

    def _figures(self, history: list[dict[str, jax.Array]]) -> dict[str, float]:
        """Means over some steps, and what the points are now; room is made for points that had none."""
        names = [name for name in history[0] if name != "finite"]
        figures_now = {name: float(np.mean([np.asarray(metrics[name])[0] for metrics in history])) for name in names}
        if figures_now["overflow"]:
            self._make_room(figures_now["overflow"])
        points = self.state.cloud
        return figures_now | {"points": int(points.alive.sum()), "radius": float(points.radius)}

    def _make_room(self, overflow: float) -> None:
        """Points covered more tiles than the rasteriser had room for: the steps to come get twice as much."""
        roomier = self.settings.step.render.roomier().overlaps_per_point
        progress.note(
            f"{overflow:.0f} (tile, point) pairs a step did not fit and were not drawn; "
            f"overlaps_per_point grows to {roomier}."
        )
        cloud_now = dataclasses.replace(self.state.cloud, overlaps_per_point=jnp.int32(roomier))
        self.state = dataclasses.replace(self.state, cloud=cloud_now)
        self._provide_room()

    def _provide_room(self) -> None:
        """Steps have the room that the state says: a run that is continued, too."""
        step, room = self.settings.step, int(self.state.cloud.overlaps_per_point)
        if step.render.overlaps_per_point != room:
            roomier = dataclasses.replace(step, render=dataclasses.replace(step.render, overlaps_per_point=room))
            self.settings = dataclasses.replace(self.settings, step=roomier)
            self.step = self._compiled_step(roomier)

    def _check_finite(self, history: list[dict[str, jax.Array]], start: int) -> None:
        """The figure `finite` is of equal shares of a step's frames, in their order."""
        for number, metrics in enumerate(history):
            finite = np.asarray(metrics["finite"])[0]
            if not finite.all():
                first = start + number * self.step_frames
                rows = self._rows(first).reshape(len(finite), -1)[~finite]
                raise UserError(
                    f"The loss is not finite between {first} and {first + self.step_frames} frames seen (training "
                    f"frames {sorted(rows.reshape(-1).tolist())}); the last good checkpoint in {self.folder} is kept: "
                    "look at these frames, or lower the learning rates."
                )

    def _change_cloud(self, seen: int) -> None:
        """Prunes and grows once for each period that has ended, and lets swapped videos join; the state counts."""
        schedule, seed = self.settings.cloud, self.settings.seed
        while (changes := int(self.state.cloud.changes)) < self.stages.changes_due(seen, schedule.period):
            if changes == self.stages.joining(schedule.period):
                self.state = joining.join(self.graphdef, self.state, self.scene.space, self.videos, self.settings)
                continue
            key = jax.random.fold_in(jax.random.key(seed), changes)
            spared = self._spared(self.stages.worn(seen))
            room = joining.room(self.settings, len(self.looks)) if self.stages.worn(seen) < len(self.looks) else 0
            growth = dataclasses.replace(schedule, max_points=schedule.max_points - room)
            self.state = cloud.change_cloud(self.state, growth, key, scale=self._scale(), spared=spared)

    def _scale(self) -> jax.Array:
        return point_scale(self.scene.space, self.state.cloud.nearest[0], self.state.cloud.part)

    def _spared(self, worn: int) -> np.ndarray:
        """(capacity,) bool: points that frames unlike the clips' may show under any of the worn looks."""
        space, points = self.scene.space, self.state.cloud
        return np.any([may_show(space, nearest, points.part) for nearest in points.nearest[:worn]], axis=0)

    def _refresh_nearest(self, seen: int) -> None:
        nearest = self.state.cloud.nearest
        for look in self.stages.to_refresh(seen, self.settings.every.nearest, self.step_frames):
            nearest = nearest.at[look].set(self.nearest(self.state, self.scene.space, look))
        self.state = dataclasses.replace(self.state, cloud=dataclasses.replace(self.state.cloud, nearest=nearest))

    def _nearest(self, state: TrainState, space: HeadSpace, look: jax.Array) -> jax.Array:
        networks = nnx.merge(self.graphdef, state.params.networks)
        z = latents.flatten(networks.latents.latent(look))
        return nearest_vertices(space, flame_canonical(networks, state.params.points, z), state.cloud.part)


def _check_device(settings: Settings) -> None:
    reason = devices.unused_gpu() if settings.networks.canonical_width >= _PAPER_WIDTH else None
    if reason:
        raise UserError(f"This config is of the paper's size, which would take weeks on this device. {reason}")


def _next(value: int, period: int) -> int:
    return (value // period + 1) * period
