"""What the settings of reconstruction do to pictures."""

import dataclasses

import numpy as np

from pegasus_jax.data import layout, read_dataset
from pegasus_jax.data.pictures import write_png
from pegasus_jax.evaluation.protocols.reconstruction import CLOTHING, Reconstruction, opened, painted_white
from pegasus_jax.evaluation.reconstruction import Pictures
from pegasus_jax.evaluation.weights import NotComputed
from tests.training import tiny


def test_opening_takes_white_specks_away_and_leaves_the_rest():
    image = np.full((1, 12, 12, 3), 0.2, np.float32)
    image[:, :, 8:] = 0.9
    speckled = image.copy()
    speckled[0, 3, 3] = 1.0
    alpha = np.ones((1, 12, 12), np.float32)
    np.testing.assert_array_equal(opened(Pictures(speckled, alpha)).image, image)
    dark = image.copy()
    dark[0, 3, 3] = 0.0
    np.testing.assert_array_equal(opened(Pictures(dark, alpha)).image, dark)


def test_what_is_painted_white_is_not_there():
    mask = np.zeros((1, 4, 4), bool)
    mask[0, 2:] = True
    painted = painted_white(Pictures(np.zeros((1, 4, 4, 3)), np.ones((1, 4, 4))), mask)
    assert (painted.image[0, 2:] == 1).all() and (painted.image[0, :2] == 0).all()
    assert (painted.alpha[0, 2:] == 0).all() and (painted.alpha[0, :2] == 1).all()


def test_the_table_says_its_settings_and_leaves_clothing_out_on_demand(subject, no_weights, tmp_path):
    folder = tiny.write_dataset(tmp_path / "dressed")
    for number in range(1, 11):
        clothes = np.zeros((tiny.SIDE, tiny.SIDE), np.uint8)
        clothes[tiny.SIDE // 2 :] = 255
        path = layout.part_path(folder, CLOTHING, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, clothes)
    dressed = dataclasses.replace(subject, clips=(read_dataset(folder),), results=tmp_path)
    plain = Reconstruction(retracked=False).measure(dressed)["pictures"]
    bare = Reconstruction(retracked=False, clothing=False, opened=True).measure(dressed)["pictures"]
    assert "renders as they are, with clothing" in plain.about
    assert "renders eroded and dilated (3x3), clothing painted white" in bare.about
    kinds = [row.names[1] for row in bare.rows]
    assert kinds == ["tracked", "best constant colour", "mean training image", "nearest training frame"]
    whole, part = plain.rows[0].figures, bare.rows[0].figures
    assert isinstance(whole["lpips"], NotComputed)
    assert part["l1"] < whole["l1"], "half of the person has gone from both pictures"


def test_clothing_without_masks_is_not_computed(subject, no_weights, tmp_path):
    alone = dataclasses.replace(subject, clips=subject.clips[:1], results=tmp_path)
    row = Reconstruction(retracked=False, clothing=False).measure(alone)["pictures"].rows[0]
    assert str(row.figures["psnr"]).startswith("not computed: needs masks of the clothing")
    assert list(row.figures) == ["psnr"]
