"""What each ingredient of a generative avatar is worth, as in the paper's table 3 and its text, on a demo's cast.

    python launch.py demo --workdir=runs/demo
    python benchmarks/ablations.py --demo=runs/demo --frames=1000
    python benchmarks/ablations.py --demo=runs/demo --frames=1000 --only=gc_off

Trains the demo's star by configs/demo.py, its schedules scaled to `--frames`, once as it is and once for each variant:

learned       the demo's own, with the normal loss: offsets from the generic canonical space, learned from small random
              weights
gc_official   the same, from the published code's initial weights, a saddle
gc_off        without that space
no_normals    without the normal loss
no_synthesis  the donors' own videos instead of part-swapped ones, one code for each, with the star's shape, since an
              avatar has one

Every variant but the last learns from swaps made anew, with pictures of normals, which take an avatar of the star alone
(configs/demo.py:donor); the donors' avatars are the demo's. Scores are means over the looks, by
pegasus_jax/demo/scores.py; the first columns are the star as filmed. Prints a table and draws the looks; what is
finished is not done again.
"""

import argparse
import json
import pathlib
import shutil

import ml_collections
import numpy as np

from pegasus_jax import assets, config, media
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.data import layout, read_dataset
from pegasus_jax.data.frames import Batch, load_frames, take
from pegasus_jax.demo import story
from pegasus_jax.demo.scores import Truth, score_look
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.devices import set_up_process
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.inference import load
from pegasus_jax.synthesis import synthesize
from pegasus_jax.training import train

_CONFIG = pathlib.Path(__file__).parents[1] / "configs" / "demo.py"
_RAW = "no_synthesis"
_NORMALS = 0.1  # weight of the normal loss
_OVERRIDES = {
    "learned": [],
    "gc_official": ["networks.gc=official"],
    "gc_off": ["networks.gc=off"],
    "no_normals": [],
    _RAW: [],
}
_SCRIPT = Script()
_COLUMNS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "inside": "inside E",
    "unedited": "as filmed, inside E",
    "outside": "outside E",
    "unedited outside": "as filmed, outside E",
    "spill": "spill",
}


def main() -> None:
    arguments = _arguments()
    demo = Folders(arguments.demo)
    made = Folders(arguments.workdir or arguments.demo / f"ablations_{arguments.frames}")
    swapped = _swapped(demo, made, arguments.frames) if arguments.only != [_RAW] else []
    avatars = {}
    for name in arguments.only:
        settings = _at_scale(config.load_config(str(_CONFIG), overrides=_OVERRIDES[name]), arguments.frames)
        if name != "no_normals":
            settings.step.weights.normal = _NORMALS
            settings.step.render.channels = (*settings.step.render.channels, "normals")
        others = _raw(demo, made) if name == _RAW else swapped
        train(settings, data=[demo.clip(_SCRIPT.star), *others], workdir=made.run(name))
        avatars[name] = load(made.run(name))
    truths = story.held_out_truths(_SCRIPT, demo, image_size=(settings.image_size,) * 2)
    found = {name: _score(avatar, truths, demo) for name, avatar in avatars.items()}
    print(f"{arguments.frames} frames seen, {settings.image_size} pixels\n\n{_table(found)}")
    _draw(made.root / "looks.png", avatars, truths)


def _at_scale(settings: ml_collections.ConfigDict, frames: int, *, of: int | None = None) -> ml_collections.ConfigDict:
    """The config with every schedule that is counted in frames scaled as a run of `of` frames is to `frames`."""
    share = frames / (of or settings.total_frames)

    def scaled(count: int) -> int:
        return max(1, round(count * share))

    for holder, names in (
        (settings, ("stage_one_frames", "total_frames")),
        (settings.cloud, ("period", "nearest_period")),
        (settings.step, ("spill_after",)),
        (settings.every, ("log", "checkpoint")),
    ):
        for name in names:
            if holder.get(name):
                holder[name] = scaled(holder[name])
    settings.step.flame_halvings = tuple(scaled(count) for count in settings.step.flame_halvings)
    return settings


def _swapped(demo: Folders, made: Folders, frames: int) -> list[pathlib.Path]:
    """The star's clip with each part, and the normals of both avatars."""
    star, whole = _SCRIPT.star, config.load_config(str(_CONFIG)).total_frames
    alone = _at_scale(config.load_config(f"{_CONFIG}:donor"), frames, of=whole)
    train(alone, data=[demo.clip(star)], workdir=made.run("alone"))
    outs = []
    for attribute, donor in _SCRIPT.swaps:
        outs.append(made.swap(star, attribute, donor))
        if not outs[-1].exists():
            synthesize(
                demo.clip(star),
                donor=demo.run(donor),
                attribute=attribute,
                out=outs[-1],
                target_avatar=made.run("alone"),
                donor_data=demo.clip(donor),
            )
    return outs


def _raw(demo: Folders, made: Folders) -> list[pathlib.Path]:
    """The donors' own clips, which say that they show the star with one part."""
    shape = json.loads((demo.clip(_SCRIPT.star) / layout.PARAMS_JSON).read_text())["shape_params"]
    outs = []
    for attribute, donor in _SCRIPT.swaps:
        outs.append(made.root / "raw" / f"{attribute}_{donor}")
        shutil.copytree(demo.clip(donor), outs[-1], dirs_exist_ok=True)
        _change(outs[-1] / layout.PARAMS_JSON, {"shape_params": shape})
        _change(outs[-1] / layout.CAPTURE_JSON, {"synthesis": {"attribute": attribute, "donor": donor}})
    return outs


def _change(path: pathlib.Path, entries: dict) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def _score(avatar: Avatar, truths: dict[str, Truth], demo: Folders) -> dict[str, float]:
    """The star as filmed at held-out frames, and means over the looks."""
    own, side = read_dataset(demo.clip(_SCRIPT.star)), avatar.description.image_size
    test = load_frames(own, own.split()[1], image_size=(side, side))
    filmed = reconstruction.render_drive(avatar.bake(), reconstruction.drive_of(test))
    looks = [score_look(avatar, look, truth) for look, truth in truths.items()]
    means = {name: float(np.mean([look[name] for look in looks])) for name in looks[0]}
    return reconstruction.figures_of(filmed, test) | means


def _table(found: dict[str, dict[str, float]]) -> str:
    lines = ["| variant | " + " | ".join(_COLUMNS.values()) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for variant, figures in found.items():
        cells = [f"{figures[name]:.{4 if name in ('ssim', 'spill') else 2}f}" for name in _COLUMNS]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _draw(path: pathlib.Path, avatars: dict[str, Avatar], truths: dict[str, Truth]) -> None:
    """One held-out frame: a column for each look, the exact pictures, and below them a row for each variant."""
    middle = {look: take(truth.edited, [len(truth.edited.frame) // 2]) for look, truth in truths.items()}
    grid = [[np.asarray(frame.over_white())[0] for frame in middle.values()]]
    for avatar in avatars.values():
        grid.append([_drawn(avatar, look, frame) for look, frame in middle.items()])
    sheet = media.contact_sheet(grid, labels=list(middle), row_labels=["exact", *avatars])
    media.write_image(path, sheet, disclosure=media.composed("the synthetic cast beside avatars of it"))


def _drawn(avatar: Avatar, look: str, frame: Batch) -> np.ndarray:
    return reconstruction.render_drive(avatar.bake(avatar.latent(look)), reconstruction.drive_of(frame)).image[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="a finished demo's work folder")
    parser.add_argument("--frames", type=int, required=True, help="frames that each variant sees")
    parser.add_argument("--only", type=_variants, default=list(_OVERRIDES), help="some variants, joined by commas")
    parser.add_argument("--workdir", type=pathlib.Path, help="without it: ablations_FRAMES in the demo's folder")
    return parser.parse_args()


def _variants(text: str) -> list[str]:
    names = text.split(",")
    for name in set(names).difference(_OVERRIDES):
        raise argparse.ArgumentTypeError(f"there is no variant {name!r}; there are {', '.join(_OVERRIDES)}")
    return names


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
