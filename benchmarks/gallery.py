"""The pictures of `docs/gallery.md`, from a finished demo.

    python launch.py demo --workdir=runs/demo
    python benchmarks/gallery.py --demo=runs/demo

Poses are those of held-out frames: the last fifth of the clip, which training never saw.
"""

import argparse
import pathlib
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from pegasus_jax import atomic, media
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.latents import Latent
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import Dataset, read_dataset
from pegasus_jax.editing import interpolate
from pegasus_jax.inference import clip, load
from pegasus_jax.media.marks import mark_png
from pegasus_jax.viewer import modes

_OUT = pathlib.Path(__file__).parents[1] / "docs" / "gallery"
_STAR = "ben"
_SIDE = 176  # pixels of a tile
_SEED = 0


def main() -> None:
    """Draws all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=pathlib.Path, required=True, help="the demo's work folder")
    demo = parser.parse_args().demo
    avatar, own = load(demo / "runs" / _STAR), read_dataset(demo / "data" / _STAR)
    motion = clip.driven(avatar, own.folder, image_size=_SIDE)
    poses = motion.frames(_three(own.split()[1]))
    looks = {name: avatar.latent(name) for name in avatar.looks}
    _write("looks", _grid(avatar, looks, poses), list(looks), media.rendered(", ".join(looks)))
    path = {f"{share:.1f}": _between(avatar, "hair/ada", "hair/cleo", share) for share in np.linspace(0.0, 1.0, 6)}
    _write("path", _grid(avatar, path, poses.frames(np.arange(1))), list(path), media.rendered("hair/ada to hair/cleo"))
    drawn = {f"hair, number {n}": avatar.sample("hair", seed=_SEED, number=n) for n in range(5)}
    _write("samples", _grid(avatar, drawn, poses.frames(np.arange(1))), list(drawn), media.rendered("hair at random"))
    layers = _modes(avatar, avatar.latent("hair/cleo"), poses)
    _write("modes", [layers], list(modes.MODES), media.rendered("hair/cleo"))
    columns, grid = _driven(avatar, own, demo / "data" / "cleo")
    _write("driven", grid, columns, media.composed("clips of the built-in cast above an avatar that follows them"))


def _three(rows: np.ndarray) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, 3).astype(int)]


def _between(avatar: Avatar, first: str, last: str, share: float) -> Latent:
    return interpolate(avatar.latent(first), avatar.latent(last), share)


def _grid(avatar: Avatar, looks: Mapping[str, Latent], poses: Motion) -> list[list[np.ndarray]]:
    """A column for each look, a row for each pose."""
    columns = [list(clip.render_frames(avatar.bake(latent), poses)) for latent in looks.values()]
    return [list(row) for row in zip(*columns)]


def _modes(avatar: Avatar, latent: Latent, poses: Motion) -> list[np.ndarray]:
    baked, one = avatar.bake(latent), poses.frames(0)
    return [modes.draw(baked, one.params, one.cameras, mode=mode) for mode in modes.modes_of(baked)]


def _driven(avatar: Avatar, own: Dataset, other: pathlib.Path) -> tuple[list[str], list[list[np.ndarray]]]:
    """Above the frames that drive, below the avatar: its own held-out motion, and another person's."""
    columns, drivers, followers = [], [], []
    baked = avatar.bake()
    for dataset in (own, read_dataset(other)):
        rows = _three(dataset.split()[1])
        motion = clip.driven(avatar, dataset.folder, image_size=_SIDE).frames(rows)
        followers += list(clip.render_frames(baked, motion))
        drivers += list(dataset.images(indices=rows, image_size=(_SIDE, _SIDE)))
        columns += [dataset.folder.name] * len(rows)
    return columns, [drivers, followers]


def _write(
    name: str, grid: Sequence[Sequence[np.ndarray]], labels: Sequence[str], disclosure: media.Disclosure
) -> None:
    # The strongest compression, since the pictures are committed: two thirds of the size that `write_image` gives.
    sheet = media.contact_sheet(grid, labels=labels)
    _, png = cv2.imencode(".png", sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    with atomic.file(_OUT / f"{name}.png") as temporary:
        temporary.write_bytes(mark_png(png.tobytes(), disclosure))


if __name__ == "__main__":
    main()
