"""`launch.py demo`: the whole pipeline on the synthetic cast, told as a page."""

import json
import pathlib

from pegasus_jax import config
from pegasus_jax.demo import page
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import Person, person
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import builtin_head
from pegasus_jax.inference import render_clip
from pegasus_jax.training import train

_CONFIG = pathlib.Path(__file__).parents[2] / "configs" / "demo.py"
_STAR, _DRIVER = "ada", "ben"
_FRAMES = 150
_DRIVING_FRAMES = 50
_IMAGE_SIZE = (192, 192)
_VIDEO_SIZE = 256


def run_demo(workdir: pathlib.Path, *, quick: bool = False) -> pathlib.Path:
    """Films a synthetic person, trains an avatar of it, re-poses it; returns the page's path.

    Run again, it continues where it stopped. `quick` is a minute's version for tests.

    Raises:
        UserError: the folder holds something else, or was made with another config.
    """
    workdir = pathlib.Path(workdir)
    star, driver = person(_STAR), person(_DRIVER)
    data, motion, run = workdir / star.name, workdir / f"{driver.name}_motion", workdir / "run"
    _film(star, data, frames=30 if quick else _FRAMES, seed=0)
    _film(driver, motion, frames=10 if quick else _DRIVING_FRAMES, seed=7)
    train(config.load_config(f"{_CONFIG}{':quick' if quick else ''}"), data=[data], workdir=run)
    report = evaluate_run(run)
    for name, drive, orbit in (("self", data, False), ("driven", motion, False), ("orbit", None, True)):
        render_clip(run, drive=drive, orbit=orbit, out=workdir / f"{name}.mp4", image_size=_VIDEO_SIZE)
    return _write_page(workdir, report[star.name]["pictures"], star.name, driver.name)


def _film(actor: Person, folder: pathlib.Path, *, frames: int, seed: int) -> None:
    if not (folder / "capture.json").exists():
        write_clip(actor, folder, head=builtin_head(), num_frames=frames, image_size=_IMAGE_SIZE, seed=seed)


def _write_page(workdir: pathlib.Path, figures: dict, name: str, driver: str) -> pathlib.Path:
    columns = ["picture", *next(iter(figures.values()))]
    rows = [[kind, *values.values()] for kind, values in figures.items()]
    sheet = f"run/figures/evaluation_{name}.png"
    steps = json.loads((workdir / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    sections = [
        page.Section(
            title="From a clip to an avatar",
            text=f"{name} is a synthetic person, filmed by our own renderer. The first four fifths of the clip trained "
            f"an avatar of {steps['points']} points; the frames below are from the last fifth, which it never saw.",
            items=[page.Picture(sheet, "Held-out frames, the avatar's pictures of them, and the stills to beat")],
        ),
        page.Section(
            title="Figures on held-out frames",
            text="Tracked: driven by the clip's own parameters. Refined: driven by what fits the picture best. PSNR "
            "in dB; the foreground's leaves out the white background.",
            items=[page.Table(columns, rows)],
        ),
        page.Section(
            title="Re-posed",
            text="The same avatar, with other people's motion and from other sides.",
            items=[
                page.Video("self.mp4", "its own motion"),
                page.Video("driven.mp4", f"{driver}'s motion"),
                page.Video("orbit.mp4", "a camera that goes round"),
            ],
        ),
    ]
    return page.write_page(workdir, title="PEGASUS-JAX: a head avatar from a video", sections=sections)
