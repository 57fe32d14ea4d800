"""A generative avatar of one real person with parts of others: from videos to edits, with the minutes of each stage.

    python benchmarks/real_people.py --videos=FOLDER --head=head.npz --workdir=runs/people

Captures every clip, trains a short avatar of each, swaps parts, trains the target on its own and the swapped clips,
and edits. What is finished in the work folder is not done again; its minutes are remembered in `minutes.json`.
"""

import argparse
import contextlib
import functools
import json
import pathlib
import time
from collections.abc import Iterator

import jax

from pegasus_jax import assets, config, jobs
from pegasus_jax.capture import capture_video
from pegasus_jax.data import layout
from pegasus_jax.devices import set_up_process
from pegasus_jax.editing import Composition, Interpolation, Recipe, Sampling
from pegasus_jax.evaluation.report import evaluate_run
from pegasus_jax.flame import load_head
from pegasus_jax.helper import with_help
from pegasus_jax.inference import render_edit
from pegasus_jax.synthesis.plan import run_plan
from pegasus_jax.training import train
from pegasus_jax.training.workdir import is_finished

_SWAPS = "hair:subject_b,hair:subject_c,hair:subject_d,nose:subject_c,eyebrows:subject_d,mouth:subject_d"
_VIDEO_SIZE = 256


class Stopwatch:
    """Adds the minutes of each stage to those of earlier calls, in a file."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        self.minutes: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.minutes[name] = self.minutes.get(name, 0.0) + (time.monotonic() - began) / 60
            self._path.write_text(json.dumps(self.minutes, indent=1) + "\n")


def main() -> None:
    arguments = _arguments()
    root, target = arguments.workdir, arguments.target
    swaps = [tuple(swap.split(":")) for swap in arguments.swaps.split(",")]
    donors = list(dict.fromkeys(donor for _, donor in swaps))
    (root / "data").mkdir(parents=True, exist_ok=True)
    watch = Stopwatch(root / "minutes.json")
    for clip in (target, *donors):
        if not (root / "data" / clip / layout.CAPTURE_JSON).is_file():
            with watch.stage("capture"):
                capture_video(arguments.videos / f"{clip}.mp4", root / "data" / clip, head=load_head(arguments.head))
    with watch.stage("donors"):
        with_help(_train_donors, arguments, donors)
    with watch.stage("swaps"):
        with_help(run_plan, _write_plan(root, target, swaps, arguments.head))
    clips = [root / "data" / target, *(root / "data" / f"{target}__{part}_{donor}" for part, donor in swaps)]
    with watch.stage("generative"):
        settings = _settings(arguments, "generative")
        train(settings, data=clips, workdir=root / "runs" / target, head=arguments.head)
    with watch.stage("edits"):
        for name, recipe in _edits(target, swaps).items():
            if not (root / "edits" / name).exists():
                out = root / "edits" / name
                render_edit(root / "runs" / target, recipe, look=None, drive=clips[0], out=out, image_size=_VIDEO_SIZE)
    with watch.stage("evaluation"):
        evaluate_run(root / "runs" / target, data=[clips[0]])
    total = sum(watch.minutes.values())
    stages = ", ".join(f"{name} {minutes:.1f}" for name, minutes in watch.minutes.items())
    print(f"On {jax.devices()[0].device_kind}, minutes: {stages}; {total:.0f} in all.")


def _train_donors(arguments: argparse.Namespace, donors: list[str]) -> None:
    """An avatar of each, and of the target alone, which gives the normals of what stays."""
    settings, found = _settings(arguments, "donor"), []
    for clip in (arguments.target, *donors):
        name = _own(clip) if clip == arguments.target else clip
        data, run = arguments.workdir / "data" / clip, arguments.workdir / "runs" / name
        do = functools.partial(train, settings, data=[data], workdir=run, head=arguments.head)
        found.append(jobs.Job(run, functools.partial(is_finished, run, config=settings.to_dict()), do))
    jobs.run(found)


def _own(target: str) -> str:
    """The run of the target's own clip alone."""
    return f"{target}_own"


def _settings(arguments: argparse.Namespace, variant: str) -> config.ConfigDict:
    return config.load_config(f"{arguments.config}:{variant}", overrides=arguments.set)


def _write_plan(root: pathlib.Path, target: str, swaps: list[tuple[str, ...]], head: pathlib.Path) -> pathlib.Path:
    jobs = [
        {
            "target": f"data/{target}",
            "donor": f"runs/{donor}",
            "attribute": part,
            "out": f"data/{target}__{part}_{donor}",
            "target_avatar": f"runs/{_own(target)}",
            "head": str(head.resolve()),
        }
        for part, donor in swaps
    ]
    path = root / "plan.json"
    path.write_text(json.dumps(jobs, indent=1) + "\n")
    return path


def _edits(target: str, swaps: list[tuple[str, ...]]) -> dict[str, Recipe]:
    """Every look alone, several parts at once, paths between the looks of the first part, and samples of it."""
    first = swaps[0][0]
    looks = [f"{part}/{donor}" for part, donor in swaps if part == first]
    mixed = {part: f"{part}/{donor}" for part, donor in swaps}
    return {
        **{f"{part}_{donor}": Composition({part: f"{part}/{donor}"}) for part, donor in swaps},
        "mixed": Composition(mixed),
        "path": Interpolation({first: (looks[0] if len(looks) > 1 else target, looks[-1])}, steps=25, ping_pong=True),
        "samples": Sampling([first], count=6, seed=0),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=pathlib.Path, required=True, help="folder with CLIP.mp4 files")
    parser.add_argument("--head", type=pathlib.Path, required=True, help="head model")
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--target", default="subject_a", help="who wears the parts")
    parser.add_argument("--swaps", default=_SWAPS, help="ATTRIBUTE:CLIP, joined by commas")
    parser.add_argument("--config", default="configs/laptop.py", help="a config with variants donor and generative")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE changes the configs")
    return parser.parse_args()


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
