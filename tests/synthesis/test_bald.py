"""Bald frames against exact ones: the cast can be filmed without hair."""

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.data.pictures import write_png
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import person
from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head
from pegasus_jax.synthesis import bald

FRAMES = 5


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The same movement with and without hair."""
    folder = tmp_path_factory.mktemp("clips")
    for name, wearing in (("hair", {}), ("bald", {"hair": person("dan")})):
        write_clip(
            person("ben"),
            folder / name,
            head=builtin_head(),
            num_frames=FRAMES,
            image_size=(96, 96),
            seed=3,
            wearing=wearing,
            supersample=2,
        )
    return read_dataset(folder / "hair"), read_dataset(folder / "bald")


@pytest.fixture(scope="module")
def frames(clips):
    make = bald.inpainted(clips[0], builtin_head())
    return [make(index) for index in range(FRAMES)]


def over_white(image, matte) -> np.ndarray:
    share = matte[..., None] / 255.0
    return image / 255.0 * share + 1.0 - share


def test_what_was_hair_looks_as_without(clips, frames):
    for index, frame in enumerate(frames):
        before, truth = (over_white(clip.images(indices=[index])[0], clip.masks(indices=[index])[0]) for clip in clips)
        where = np.abs(before - truth).max(axis=-1) > 0.05
        assert where.mean() > 0.02, "there is hair to remove"
        error = ((over_white(frame.image, frame.matte) - truth)[where] ** 2).mean()
        untouched = ((before - truth)[where] ** 2).mean()
        assert -10 * np.log10(error) > 20.0
        assert error < 0.1 * untouched


def test_everything_else_is_as_filmed(clips, frames):
    for index, frame in enumerate(frames):
        kept = ~frame.changed
        np.testing.assert_array_equal(frame.image[kept], clips[0].images(indices=[index])[0][kept])
        np.testing.assert_array_equal(frame.matte[kept], clips[0].masks(indices=[index])[0][kept])
        assert kept.mean() > 0.4


def test_skin_keeps_between_the_colours_that_were_seen(clips, frames):
    for index, frame in enumerate(frames):
        skin = clips[0].images(indices=[index])[0][clips[0].masks(indices=[index])[0] == 255]
        new = frame.image[frame.changed & (frame.matte == 255)]
        assert new.max() <= int(skin.max()) + 10


def test_frames_made_elsewhere_are_taken_from_a_folder(clips, tmp_path):
    hair, without = clips
    for number in hair.numbers.tolist():
        write_png(tmp_path / f"{number}.png", without.images(indices=[number - 1])[0])
        write_png(tmp_path / "mask" / f"{number}.png", without.masks(indices=[number - 1])[0])
    frame = bald.from_folder(tmp_path, hair)(2)
    np.testing.assert_array_equal(frame.image[frame.changed], without.images(indices=[2])[0][frame.changed])
    np.testing.assert_array_equal(frame.image[~frame.changed], hair.images(indices=[2])[0][~frame.changed])
    (tmp_path / "mask" / "3.png").unlink()
    with pytest.raises(UserError, match=r"mask.3.png is missing or not of the size"):
        bald.from_folder(tmp_path, hair)


def test_a_clip_that_shows_no_skin_is_refused(clips, tmp_path):
    hair, _ = clips
    for number in hair.numbers.tolist():
        write_png(hair.folder / "parts" / "hat" / f"{number}.png", np.full((96, 96), 255, np.uint8))
    try:
        with pytest.raises(UserError, match="hardly any skin"):
            bald.inpainted(read_dataset(hair.folder), builtin_head())
    finally:
        for number in hair.numbers.tolist():
            write_png(hair.folder / "parts" / "hat" / f"{number}.png", np.zeros((96, 96), np.uint8))
