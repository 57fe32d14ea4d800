"""`launch.py create`: from a video to an avatar in one go."""

import pathlib
import statistics
import time

import jax
import jax.numpy as jnp

from pegasus_jax import config, media
from pegasus_jax.capture import capture_video
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import load_head
from pegasus_jax.inference import load, render_clip
from pegasus_jax.training import train
from pegasus_jax.training.workdir import DATASET
from pegasus_jax.untrusted import json_text

_SECONDS_PER_CAPTURED_FRAME = 0.3  # measured on 2 CPU cores, like the next one; scaled by `_slowness`
_REFERENCE_SECONDS = 0.0115
_TRIALS = 9
_VIDEO_SIZE = 512


def create(video: pathlib.Path, workdir: pathlib.Path, *, head: pathlib.Path | None, preset: str | None) -> None:
    """Captures `video` into `workdir/dataset`, trains in `workdir`, evaluates, and writes `avatar.npz` and two videos.

    What is finished is not done again: the same command continues where it stopped. `preset` is a config file; the
    default is configs/gaussians_gpu.py where JAX has an accelerator, configs/gaussians_laptop.py elsewhere. Training
    says how long it will take once its first steps are timed.

    Raises:
        UserError: see capture and training.
    """
    video, workdir = pathlib.Path(video), pathlib.Path(workdir)
    device = "laptop" if jax.default_backend() == "cpu" else "gpu"
    spec = preset or str(config.own_folder() / f"gaussians_{device}.py")
    settings = config.load_config(spec)
    dataset = workdir / DATASET
    if not (dataset / "capture.json").exists():
        if not video.exists():
            raise UserError(f"There is no video at {video}; check the path.")
        frames = media.count_frames(video) if video.is_file() else len(list(video.iterdir()))
        print(
            f"{spec}: {frames} frames to capture, about {_minutes(frames):.0f} minutes on this machine; then training."
        )
        print(capture_video(video, dataset, head=load_head(head)))
    _check_same_video(video, dataset)
    train(settings, data=[dataset], workdir=workdir, head=head)
    evaluate_run(workdir)
    load(workdir).save(workdir / "avatar.npz")
    render_clip(workdir, drive=dataset, orbit=False, out=workdir / "self.mp4", image_size=_VIDEO_SIZE)
    render_clip(workdir, drive=None, orbit=True, out=workdir / "orbit.mp4", image_size=_VIDEO_SIZE)
    print(f"The avatar is in {workdir}: avatar.npz, self.mp4, orbit.mp4, evaluation.md, figures/.")


def _minutes(frames: int) -> float:
    return _slowness() * frames * _SECONDS_PER_CAPTURED_FRAME / 60.0


def _slowness() -> float:
    """How many times slower than the machine of the constants above this one runs a small network."""
    x = jnp.ones((4096, 64))

    @jax.jit
    def work(x):
        return jax.lax.fori_loop(0, 50, lambda _, y: jnp.tanh(y @ y[:64]), x)

    work(x).block_until_ready()
    seconds = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        work(x).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / _REFERENCE_SECONDS


def _check_same_video(video: pathlib.Path, dataset: pathlib.Path) -> None:
    source = json_text.read_object(dataset / "capture.json").get("source")
    name = source.get("name") if isinstance(source, dict) else None
    if name and name != video.name:
        raise UserError(f"{dataset} was captured from {name}, not from {video.name}; choose another --workdir.")
