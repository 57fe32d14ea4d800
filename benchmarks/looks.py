"""A person of the cast with looks of others, by any family: figures on held-out frames, against exact pictures.

    python benchmarks/looks.py --workdir=runs/cast_looks
    python benchmarks/looks.py --workdir=runs/cast_looks --config=configs/laptop.py:generative --name=points

Films the star as filmed and with each part of others at 256 pixels, trains on the first four fifths of all these clips,
and prints markdown: PSNR where an edit shows, before and after switching the look, and of the rest of the person; how
much switching changes that; sharpness over the true picture's. What is finished in the work folder is not done again.
Trained on exact pictures of the parts, not on those that `synthesize` makes: it measures the model.
"""

import argparse
import pathlib
import time
from collections.abc import Sequence

import cv2
import numpy as np

from pegasus_jax import assets, config, media
from pegasus_jax.core import metrics
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.latents import Latent
from pegasus_jax.data import Dataset, read_dataset
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import person
from pegasus_jax.demo.scores import Truth, score_look
from pegasus_jax.demo.script import Folders, Script
from pegasus_jax.devices import set_up_process
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.flame import builtin_head
from pegasus_jax.inference import load
from pegasus_jax.training import train
from pegasus_jax.training.workdir import is_finished

_SCRIPT = Script()
_SIDE = 256  # pixels
_REDUCED = 96  # pixels: what points are measured at
_EVERY = 3  # of the held-out frames
_COLUMNS = ("inside", "unedited", "outside", "unedited outside", "spill")
_ALL_COLUMNS = (*_COLUMNS, "sharpness", f"inside, reduced to {_REDUCED} pixels")


def main() -> None:
    arguments = _arguments()
    folders, run = Folders(arguments.workdir), arguments.workdir / "runs" / arguments.name
    _film(folders, arguments.frames)
    data = [folders.clip(_SCRIPT.star), *(folders.truth(*swap) for swap in _SCRIPT.swaps)]
    settings = config.load_config(arguments.config, overrides=arguments.set)
    if not is_finished(run):
        began = time.monotonic()
        train(settings, data=data, workdir=run)
        print(f"training took {(time.monotonic() - began) / 60:.1f} minutes")
    avatar = load(run)
    print("\n".join([f"\n{_SIDE} pixels, {avatar.size}:\n", *_table(avatar, folders)]))
    media.write_image(run / "looks.png", _sheet(avatar, folders), disclosure=media.rendered("of the synthetic cast"))


def _film(folders: Folders, frames: int) -> None:
    """The star as filmed and, in the same motion, with each part of others."""
    wanted = {folders.clip(_SCRIPT.star): {}}
    wanted |= {folders.truth(attribute, donor): {attribute: person(donor)} for attribute, donor in _SCRIPT.swaps}
    for folder, wearing in wanted.items():
        if not folder.exists():
            write_clip(
                person(_SCRIPT.star),
                folder,
                head=builtin_head(),
                num_frames=frames,
                image_size=(_SIDE, _SIDE),
                seed=0,
                wearing=wearing,
                supersample=2,
            )


def _table(avatar: Avatar, folders: Folders) -> list[str]:
    """Rows of markdown: every look, and the person as filmed."""
    rows = ["| look | " + " | ".join(_ALL_COLUMNS) + " |", "|---" * (len(_ALL_COLUMNS) + 1) + "|"]
    for swap in _SCRIPT.swaps:
        look, truth = _SCRIPT.look(*swap), _truth(folders, swap, _SIDE)
        figures = score_look(avatar, look, truth)
        drawn = _drawn(avatar, avatar.latent(look), truth)
        cells = [f"{figures[name]:.4f}" if name == "spill" else f"{figures[name]:.2f}" for name in _COLUMNS]
        cells += [f"{_sharpness(drawn, truth):.2f}", f"{_reduced_psnr(drawn, _truth(folders, swap, _REDUCED)):.2f}"]
        rows.append(f"| {look} | {' | '.join(cells)} |")
    own = Truth(truth.own, truth.own)
    filmed = _drawn(avatar, avatar.latent(), own)
    error = np.mean((filmed - np.asarray(own.own.over_white())) ** 2)
    rows.append(f"| as filmed, whole picture | {-10 * np.log10(error):.2f} | | | | | {_sharpness(filmed, own):.2f} | |")
    return rows


def _reduced_psnr(drawn: np.ndarray, truth: Truth) -> float:
    """PSNR, dB, of pictures averaged down to the size of a truth, where its edit shows."""
    small = np.stack(
        [cv2.resize(picture, truth.region.shape[:0:-1], interpolation=cv2.INTER_AREA) for picture in drawn]
    )
    error = (small - np.asarray(truth.edited.over_white()))[truth.region]
    return float(-10.0 * np.log10(np.mean(error**2)))


def _sheet(avatar: Avatar, folders: Folders) -> np.ndarray:
    """A row for each look: a held-out frame, the avatar's, and the avatar half-way to the look."""
    rows = []
    for attribute, donor in _SCRIPT.swaps:
        look, truth = _SCRIPT.look(attribute, donor), _truth(folders, (attribute, donor), _SIDE)
        latents = avatar.latent(look), avatar.latent(None, **{attribute: (look, 0.5)})
        drawn = [_drawn(avatar, latent, truth)[0] for latent in latents]
        rows.append(np.concatenate([np.asarray(truth.edited.over_white())[0], *drawn], axis=1))
    return np.round(255 * np.clip(np.concatenate(rows), 0.0, 1.0)).astype(np.uint8)


def _truth(folders: Folders, swap: Sequence[str], side: int) -> Truth:
    own: Dataset = read_dataset(folders.clip(_SCRIPT.star))
    _, held_out = own.split()
    numbers = own.numbers[held_out[::_EVERY]]
    return Truth.read(own, read_dataset(folders.truth(*swap)), numbers=numbers, image_size=(side, side))


def _drawn(avatar: Avatar, latent: Latent, truth: Truth) -> np.ndarray:
    """(F, H, W, 3)."""
    return np.asarray(reconstruction.render_drive(avatar.bake(latent), reconstruction.drive_of(truth.edited)).image)


def _sharpness(drawn: np.ndarray, truth: Truth) -> float:
    target, mattes = np.asarray(truth.edited.over_white()), truth.edited.matte > 127
    return float(np.mean([metrics.sharpness(*three) for three in zip(drawn, target, mattes)]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--frames", type=int, default=100, help="length of the film")
    parser.add_argument("--config", default="configs/gaussians_laptop.py:generative")
    parser.add_argument("--name", default="gaussians", help="of the run in the work folder")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE changes the config")
    return parser.parse_args()


if __name__ == "__main__":
    set_up_process(assets.cache_folder())
    main()
