"""What zero-shot fusion reaches on the synthetic cast, which can render "this person with that hair" exactly.

    python benchmarks/fusion.py --fused=runs/cleo_with_hair --filmed=data/cleo --worn=data/cleo__hair_ben

`filmed` is the target's clip and `worn` the same movement with the donor's part (`pegasus_jax.demo.clips.write_clip`
with `wearing`); the look measured is the one that `worn` names, or `--look`. Held-out frames, as tracked. E: pixels
where the two clips differ by more than 0.05, grown by 2. Prints a table and writes a sheet.
"""

import argparse
import dataclasses
import pathlib

import cv2
import numpy as np

from pegasus_jax import media
from pegasus_jax.data import Dataset, read_dataset
from pegasus_jax.data.frames import Batch, load_frames
from pegasus_jax.evaluation.reconstruction import Pictures, drive_of, render_drive
from pegasus_jax.inference import AnyBaked, FusedAvatar, load
from pegasus_jax.inference.fused import Steps
from pegasus_jax.synthesis.skull import skull_picture

_EDITED = 0.05
_GROWN = 2  # pixels
_CONSECUTIVE = 20  # frames of the clip over which flicker is measured


@dataclasses.dataclass(frozen=True)
class Scene:
    """Held-out frames of both clips, and where they differ."""

    clip: Dataset
    rows: np.ndarray
    worn: Batch
    edited: np.ndarray  # (F, H, W) bool: E
    face: np.ndarray  # (F, H, W) bool: the head model's face where no hair is in either clip


def main() -> None:
    """Measures one fused avatar."""
    parser = argparse.ArgumentParser()
    for name in ("fused", "filmed", "worn"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--look")
    parser.add_argument("--sheet", type=pathlib.Path, default=pathlib.Path("fusion.png"))
    arguments = parser.parse_args()
    fused = load(arguments.fused)
    assert isinstance(fused, FusedAvatar), "--fused must be what launch.py fuse wrote"
    scene = _scene(fused, arguments.filmed, arguments.worn)
    latent = fused.latent(arguments.look)
    baked: dict[str, AnyBaked] = {
        "target alone": fused.target.bake(),
        "composed": fused.bake(latent, steps=Steps(fill=False, align=False, blend=False)),
        "fused": fused.bake(latent),
    }
    pictures = {name: render_drive(one, drive_of(scene.worn)) for name, one in baked.items()}
    _print_table(scene, pictures)
    _print_flicker(scene, {"source": fused.source.bake(latent), **baked}, fused)
    truth = np.asarray(scene.worn.over_white())
    rows = np.linspace(0, len(truth) - 1, 4).astype(int)
    grid = [[truth[row], *(drawn.image[row] for drawn in pictures.values()), scene.face[row] * 1.0] for row in rows]
    sheet = media.contact_sheet(grid, labels=["ground truth", *pictures, "face"])
    media.write_image(arguments.sheet, sheet, disclosure=media.composed("the synthetic cast beside fused avatars"))


def _scene(fused: FusedAvatar, filmed: pathlib.Path, worn: pathlib.Path) -> Scene:
    clip, other = read_dataset(filmed), read_dataset(worn)
    _, rows = clip.split(test_fraction=0.2)
    side = fused.description.image_size
    plain, edited = (load_frames(dataset, rows, image_size=(side, side)) for dataset in (clip, other))
    difference = np.abs(np.asarray(plain.over_white()) - np.asarray(edited.over_white())).max(axis=-1)
    kernel = np.ones((2 * _GROWN + 1,) * 2, np.uint8)
    masks = [cv2.dilate((frame > _EDITED).astype(np.uint8), kernel) > 0 for frame in difference]
    hair = np.maximum(plain.seg, edited.seg) > 0
    face = [
        cv2.resize(skull_picture(fused.head, clip, int(row)).is_face, (side, side), interpolation=cv2.INTER_AREA) > 0.9
        for row in rows
    ]
    bare = [cv2.dilate(frame.astype(np.uint8), kernel) == 0 for frame in hair]
    return Scene(clip, rows, edited, np.stack(masks), np.stack(face) & np.stack(bare))


def _print_table(scene: Scene, pictures: dict[str, Pictures]) -> None:
    truth, matte = np.asarray(scene.worn.over_white()), np.asarray(scene.worn.alpha())
    own = pictures["target alone"].image
    print("| avatar | PSNR inside E | PSNR | holes, % of the silhouette | and of it in E | face, moved |")
    print("|---|---|---|---|---|---|")
    for name, drawn in pictures.items():
        error = np.mean((drawn.image - truth) ** 2, axis=-1)
        inside, whole = (-10.0 * np.log10(value) for value in (error[scene.edited].mean(), error.mean()))
        holes, edited_holes = (
            100.0 * np.mean(drawn.alpha[part] < 0.5) for part in (matte > 0.5, (matte > 0.5) & scene.edited)
        )
        face = np.abs(drawn.image - own)[scene.face].mean()
        print(f"| {name} | {inside:.2f} | {whole:.2f} | {holes:.3f} | {edited_holes:.3f} | {face:.5f} |")


def _print_flicker(scene: Scene, baked: dict[str, AnyBaked], fused: FusedAvatar) -> None:
    """Mean absolute change from frame to frame, all driven alike."""
    side = fused.description.image_size
    frames = load_frames(scene.clip, scene.rows[:_CONSECUTIVE], image_size=(side, side))
    for name, one in baked.items():
        images = render_drive(one, drive_of(frames)).image
        print(f"change from frame to frame, {name}: {np.abs(np.diff(images, axis=0)).mean():.5f}")


if __name__ == "__main__":
    main()
