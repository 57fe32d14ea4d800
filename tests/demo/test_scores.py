"""The demo's scores, against pictures whose differences are known and an avatar whose looks are."""

import dataclasses

import numpy as np
import pytest

from pegasus_jax.data import DatasetWriter, read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.demo import scores
from pegasus_jax.demo.scores import Truth
from pegasus_jax.evaluation import reconstruction
from pegasus_jax.inference import load
from tests.inference.untrained import write_run
from tests.training import tiny

SIDE = 48
PERSON, PART = (slice(8, 40), slice(8, 40)), (slice(12, 20), slice(12, 30))


def clip(folder, levels: dict[int, int], *, part: int | None = None):
    """Grey people whose level changes by frame; `part` is the level of a patch of theirs."""
    with DatasetWriter(folder, image_size=(SIDE, SIDE)) as writer:
        for number, level in levels.items():
            image = np.full((SIDE, SIDE, 3), 255, np.uint8)
            image[PERSON] = level
            if part is not None:
                image[PART] = part
            matte = np.zeros((SIDE, SIDE), np.uint8)
            matte[PERSON] = 255
            writer.add(number, image, matte)
        frames = [tiny.frame_params(number) for number in levels]
        writer.finish(frames=frames, betas=tiny.BETAS, intrinsics=tiny.INTRINSICS, capture={})
    return read_dataset(folder)


def test_a_swap_is_scored_where_the_part_is_and_everywhere_else(tmp_path):
    own = clip(tmp_path / "own", {1: 100, 2: 110, 3: 120})
    exact = clip(tmp_path / "exact", {1: 100, 3: 120}, part=220)
    swapped = clip(tmp_path / "swapped", {2: 110, 3: 120}, part=200)
    found = scores.score_swap(swapped, own, exact)  # frame 3 is the one that all of them have
    region = np.zeros((SIDE, SIDE), bool)
    region[10:22, 10:32] = True
    region[[10, 10, 21, 21], [10, 31, 10, 31]] = False  # grown by a disc
    share = 8 * 18 / region.sum()
    assert found["inside"] == pytest.approx(-10 * np.log10(share * (20 / 255) ** 2), abs=0.02)
    assert found["unedited"] == pytest.approx(-10 * np.log10(share * (100 / 255) ** 2), abs=0.02)
    assert found["outside"] == pytest.approx(100.0)


@pytest.fixture(scope="module")
def looks(tmp_path_factory):
    """An untrained avatar, and truths that are its own pictures of a look, so that it is right about everything."""
    root = tmp_path_factory.mktemp("scores")
    folders = write_run(root)
    avatar, frames = load(folders.run), load_frames(read_dataset(folders.data), np.arange(4), image_size=(SIDE, SIDE))

    def filmed(look):
        out = reconstruction.render_drive(avatar.bake(avatar.latent(look)), reconstruction.drive_of(frames))
        matte = np.full_like(frames.matte, 255)
        return dataclasses.replace(frames, image=np.round(255 * out.image).astype(np.uint8), matte=matte)

    return avatar, {look: Truth(filmed(None), filmed(look)) for look in avatar.looks[1:]}


def test_an_avatar_that_is_right_beats_the_unedited_one_inside_and_ties_outside(looks):
    avatar, truths = looks
    found = scores.score_look(avatar, "hair/ada", truths["hair/ada"])
    assert found["inside"] > 45 and found["inside"] > found["unedited"] + 15
    assert found["outside"] == pytest.approx(found["unedited outside"], abs=6.0) and found["outside"] > 45
    assert 0 < found["spill"] <= 0.05, "elsewhere is where the two differ by little"
    other = scores.score_look(avatar, "nose/ben", truths["hair/ada"])
    assert other["inside"] < found["inside"] - 15


def test_what_is_worn_is_scored_for_likeness_and_for_holes(looks):
    avatar, truths = looks
    truth, worn = truths["hair/ada"], avatar.bake(avatar.latent("hair/ada"))
    bare = reconstruction.render_drive(worn, reconstruction.drive_of(truth.edited)).alpha < 0.5
    found = scores.score_wearing(worn, truth)
    assert found["inside"] > 45 and found["whole"] > 45
    assert found["holes"] == pytest.approx(100 * bare.mean()) == found["holes off the outline"] > 0

    matte = np.zeros_like(truth.edited.matte)
    matte[:, 10:30, 5:35] = 255
    framed = dataclasses.replace(truth, edited=dataclasses.replace(truth.edited, matte=matte))
    found = scores.score_wearing(worn, framed)
    assert found["holes"] == pytest.approx(100 * bare[:, 10:30, 5:35].mean())
    within = 100 * bare[:, 12:28, 7:33].sum() / (matte > 0).sum()
    assert found["holes off the outline"] == pytest.approx(within)


def test_steps_of_a_path_and_samples_are_compared(looks):
    avatar, truths = looks
    path = scores.score_path(avatar, {"hair": ("hair/ada", "hair/cleo")}, truths["hair/ada"])
    assert 1.0 <= path["largest over mean step"] < 3.0
    still = scores.score_path(avatar, {"hair": ("hair/ada", "hair/ada")}, truths["hair/ada"])
    assert still["largest over mean step"] == 0.0
    sampled = scores.score_samples(avatar, "hair", [truths["hair/ada"], truths["hair/cleo"]])
    assert sampled["apart"] > 0.003 and sampled["ratio"] > 1.5
