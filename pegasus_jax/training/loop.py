"""The training loop: reads dataset folders, moves a state through its schedule, leaves pictures and checkpoints."""

import dataclasses
import json
import pathlib
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
import tensorboardX
from flax import nnx

from pegasus_jax import devices, progress
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import take
from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head
from pegasus_jax.inference.description import (
    AvatarDescription,
    check_head,
    default_head,
    tracked_with,
    write_description,
)
from pegasus_jax.models import latents
from pegasus_jax.models.head_space import ANY_PART, HeadSpace, head_space, may_show, nearest_vertices, point_scale
from pegasus_jax.models.networks import AvatarNetworks, flame_canonical
from pegasus_jax.training import cloud, figures, head_in_clip, joining, perceptual
from pegasus_jax.training import workdir as work_folder
from pegasus_jax.training.checkpoints import Checkpoints
from pegasus_jax.training.looks import Sources, sources
from pegasus_jax.training.parallel import DataParallel
from pegasus_jax.training.settings import Settings, from_config, with_looks
from pegasus_jax.training.stages import Stages
from pegasus_jax.training.state import Params, Tracking, TrainState
from pegasus_jax.training.step import Scene, StepConfig, make_step
from pegasus_jax.training.videos import Videos, load_videos
from pegasus_jax.training.visual_hull import hull_points

_METRICS = "metrics.jsonl"
_PAPER_WIDTH = 512  # of the canonical network


def train(
    config: ml_collections.ConfigDict,
    *,
    data: Sequence[pathlib.Path],
    workdir: pathlib.Path,
    head: pathlib.Path | None = None,
    vgg_weights: pathlib.Path | None = None,
) -> None:
    """Trains one avatar from dataset folders, or continues the run in `workdir`.

    Folders of one person's own videos, and of the same with parts of others, as `synthesize` makes them.

    Raises:
        UserError: a folder, the config, the head model or the work folder does not fit; the loss is not finite.
    """
    settings = from_config(config)
    _check_device(settings)
    datasets = [read_dataset(folder) for folder in data]
    for note in (note for dataset in datasets for note in dataset.notes):
        print(note)
    found = sources(datasets)
    settings = with_looks(settings, found.categories, swapped=[dataset.folder for dataset in found.swapped])
    model = load_head(head) if head else default_head(tracked_with(found.own[0]))
    for dataset in datasets:
        check_head(dataset, model)
    _prepare_workdir(workdir, config, data)
    run = _Run(settings, found, model, head, pathlib.Path(workdir), vgg_weights)
    run.execute()


class _Run:
    """One process's training: settings, frames, state, and the places that it writes to."""

    def __init__(self, settings: Settings, found: Sources, model, head_path, folder: pathlib.Path, vgg_weights):
        self.settings, self.folder = settings, folder
        self.looks = found.names
        self.videos = load_videos([*found.own, *found.swapped], settings)
        self.stages = Stages(settings.seed, settings.batch_size, settings.stage_one_frames or 0, self.videos.counts)
        self.scene = make_scene(model, self.videos, settings)
        space = self.scene.space
        if settings.step.weights.inner:
            shown = head_in_clip.inner_shown(space, self.videos.train)
            self.videos = dataclasses.replace(self.videos, train=dataclasses.replace(self.videos.train, inner=shown))
        self.graphdef, self.state = initial_state(settings, space, self.videos)
        write_description(
            folder,
            AvatarDescription.of_run(
                networks=settings.networks,
                head=model,
                head_path=head_path,
                betas=found.own[0].betas,
                canonical_expression=self.videos.expression_c,
                looks=self.looks,
                image_size=settings.image_size,
                max_points_per_pixel=settings.step.render.max_points_per_pixel,
                ndc_per_unit=float(self.videos.own.cameras.ndc_per_unit().mean()),
            ),
        )
        self.perceptual = perceptual.vgg_loss(vgg_weights) if vgg_weights else None
        self.parallel = DataParallel()
        self.step = self._compiled_step(settings.step)
        self.step_frames = settings.batch_size * self.parallel.size
        self.nearest = jax.jit(self._nearest)

    def _compiled_step(self, config: StepConfig):
        return self.parallel.wrap(make_step(self.graphdef, config, perceptual=self.perceptual, seed=self.settings.seed))

    def execute(self) -> None:
        """Runs to the end of the schedule."""
        total = self.settings.step.total_frames
        with (
            Checkpoints(self.folder) as checkpoints,
            tensorboardX.SummaryWriter(str(self.folder / "tensorboard")) as board,
            (self.folder / _METRICS).open("a") as log,
        ):
            if checkpoints.latest() is not None:
                self.state = checkpoints.restore(self.state)
            _cut_log(self.folder / _METRICS, int(self.state.frames_seen))
            bar = progress.bar(total, desc="training", initial=int(self.state.frames_seen))
            with bar:
                while int(self.state.frames_seen) < total:
                    self._stretch(bar, log, board)
                    checkpoints.save(self.state)
                    worn = self.looks[: self.stages.worn(int(self.state.frames_seen) - 1)]
                    figures.held_out_sheet(
                        self.folder, self.graphdef, self.state, self.scene, self.videos.test, looks=worn
                    )

    def _stretch(self, bar, log, board) -> None:
        """From one checkpoint to the next."""
        start = int(self.state.frames_seen)
        every = self.settings.every
        end = min(_next(start, every.checkpoint), self.settings.step.total_frames)
        while (seen := int(self.state.frames_seen)) < end:
            self._change_cloud(seen)
            self._refresh_nearest(seen)
            stop = min(
                end,
                _next(seen, every.nearest),
                self.stages.next_stop(seen, self.settings.cloud.period),
                _next(seen, every.log),
            )
            self._steps(seen, stop, bar, log, board)

    def _steps(self, seen: int, stop: int, bar, log, board) -> None:
        """Steps until `stop` frames are seen, without looking at the device in between."""
        size = self.step_frames
        state = self.parallel.replicate(self.state)
        scene = self.parallel.replicate(self.scene)
        began, start, history = time.monotonic(), seen, []
        while seen < stop:
            rows = self.stages.rows(seen, size)
            state, metrics = self.step(state, self.parallel.split(take(self.videos.train, rows)), scene)
            history.append(metrics)
            seen += size
            bar.update(size)
        self.state = self.parallel.unreplicate(state)
        figures_now = {
            name: float(np.mean([np.asarray(metrics[name])[0] for metrics in history])) for name in history[0]
        }
        if not all(np.asarray(metrics["finite"])[0] for metrics in history) or not np.isfinite(figures_now["loss"]):
            self._stop_nonfinite(history, start, size)
        if figures_now["overflow"]:
            self._make_room(figures_now["overflow"])
        points = int(self.state.cloud.alive.sum())
        rate = (seen - start) / size / (time.monotonic() - began)
        figures_now |= {"points": points, "radius": float(self.state.cloud.radius), "steps_per_second": rate}
        log.write(json.dumps({"frames": seen, **figures_now}) + "\n")
        log.flush()
        for name, value in figures_now.items():
            board.add_scalar(f"train/{name}", value, seen)
        bar.set_postfix(
            loss=f"{figures_now['loss']:.4f}",
            psnr=f"{figures_now['psnr']:.2f}",
            points=points,
            its=f"{rate:.2f}/s",
        )

    def _make_room(self, overflow: float) -> None:
        """Points covered more tiles than the rasteriser had room for: the steps to come get twice as much."""
        step = self.settings.step
        roomier = dataclasses.replace(step, render=step.render.roomier())
        progress.note(
            f"{overflow:.0f} (tile, point) pairs a step did not fit and were not drawn; "
            f"overlaps_per_point grows to {roomier.render.overlaps_per_point}."
        )
        self.settings = dataclasses.replace(self.settings, step=roomier)
        self.step = self._compiled_step(roomier)

    def _stop_nonfinite(self, history, start: int, size: int) -> None:
        bad = next(
            i
            for i, m in enumerate(history)
            if not (np.asarray(m["finite"])[0] and np.isfinite(np.asarray(m["loss"])[0]))
        )
        first = start + bad * size
        rows = self.stages.rows(first, size)
        raise UserError(
            f"The loss is not finite between {first} and {first + size} frames seen (training frames "
            f"{sorted(int(r) for r in rows)}); the last good checkpoint in {self.folder} is kept: look at these "
            "frames, or lower the learning rates."
        )

    def _change_cloud(self, seen: int) -> None:
        """Prunes and grows once for each period that has ended, and lets swapped videos join; the state counts."""
        schedule, seed = self.settings.cloud, self.settings.seed
        while (changes := int(self.state.cloud.changes)) < self.stages.changes_due(seen, schedule.period):
            if changes == self.stages.joining(schedule.period):
                self._join()
                continue
            key = jax.random.fold_in(jax.random.key(seed), changes)
            spared = self._spared(self.stages.worn(seen))
            self.state = cloud.change_cloud(self.state, schedule, key, scale=self._scale(), spared=spared)

    def _join(self) -> None:
        """Swapped videos join: their looks get points of their own, which are there under them and not under others."""
        networks, space, seed = self.state.params.networks, self.scene.space, self.settings.seed
        if self.settings.networks.presence:
            clouds = joining.Clouds(self.graphdef, networks, space)
            radius = float(self.state.cloud.radius) / float(self.videos.own.cameras.ndc_per_unit().mean())
            old = self.state.params.points[self.state.cloud.alive]
            count = self.settings.cloud.hull_points
            found = joining.newcomers(clouds, old, self.videos, count=count, radius=radius, seed=seed)
            self.state = cloud.add_points(self.state, self.settings.cloud, found)
            points = self.state.params.points[self.state.cloud.alive]
            labels = joining.shown(clouds, points, len(old), self.videos)
            networks = joining.fit_presence(clouds, points, labels, seed=seed)
        # Moments of the first stage's small gradients would make the second's first steps thirty times too large.
        params = dataclasses.replace(self.state.params, networks=networks)
        self.state = dataclasses.replace(self.state, params=params, moments=optax.scale_by_adam().init(params))

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


def make_scene(model, videos: Videos, settings: Settings) -> Scene:
    """The head at the run's canonical state, and the constants of its losses."""
    std = settings.tracking_std
    return Scene(
        space=jax.tree.map(jnp.asarray, head_space(model, jnp.asarray(videos.expression_c))),
        expression_variance=jnp.asarray(videos.expression_variance),
        tracking_std=Tracking(
            jnp.full((1, 15), std["pose"]),
            jnp.full((1, 50), std["expression"]),
            jnp.full((1, 3), std["translation"]),
        ),
    )


def initial_state(settings: Settings, space: HeadSpace, videos: Videos) -> tuple[nnx.GraphDef, TrainState]:
    """Networks, points and optimiser before the first training frame."""
    networks = AvatarNetworks(settings.networks, rngs=nnx.Rngs(settings.seed))
    graphdef, network_state = nnx.split(networks)
    rng = np.random.default_rng(settings.seed)
    schedule = settings.cloud
    if schedule.init == "head":
        vertices, faces = np.asarray(space.vertices_fc), np.asarray(space.head.faces)
        points, part = cloud.surface_points(
            vertices,
            faces,
            np.asarray(space.parts),
            schedule.init_points,
            rng,
            fineness=np.asarray(space.fineness),
            areas=head_in_clip.largest_areas(space, videos.own),
        )
        beyond = hull_points(space, videos.own, schedule.hull_points, rng)
        points, part = np.concatenate([points, beyond]), np.concatenate([part, np.zeros(len(beyond), part.dtype)])
    else:
        points = cloud.sphere_points(schedule.init_points, rng)
        part = np.full(schedule.init_points, ANY_PART, np.int32)
    params = Params(network_state, jnp.asarray(points), Tracking.zeros(len(videos.train.frame)))
    state = TrainState(
        frames_seen=jnp.int32(0),
        params=params,
        moments=optax.scale_by_adam().init(params),
        cloud=cloud.full_cloud(part, schedule.init_radius, looks=len(videos.counts)),
    )
    return graphdef, state


def _prepare_workdir(folder: pathlib.Path, config: ml_collections.ConfigDict, data: Sequence[pathlib.Path]) -> None:
    work_folder.prepare(pathlib.Path(folder), config.to_dict(), [str(path) for path in data])


def _check_device(settings: Settings) -> None:
    reason = devices.unused_gpu() if settings.networks.canonical_width >= _PAPER_WIDTH else None
    if reason:
        raise UserError(f"This config is of the paper's size, which would take weeks on this device. {reason}")


def _cut_log(path: pathlib.Path, frames_seen: int) -> None:
    """Drops what a killed run logged after its last checkpoint, half a line included: it will be logged again."""
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["frames"] <= frames_seen]
    if len(kept) < len(lines):
        path.write_text("".join(kept))


def _next(value: int, period: int) -> int:
    return (value // period + 1) * period
