"""Own and part-swapped folders: what a run makes of them, and what it says of those that do not fit together."""

import json
import shutil

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.training import train
from pegasus_jax.training.looks import sources
from pegasus_jax.training.settings import from_config
from pegasus_jax.training.videos import load_videos
from tests.training import tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """An own folder and two swapped ones, whose names say nothing."""
    folder = tmp_path_factory.mktemp("looks")
    return {
        "me": tiny.write_dataset(folder / "me"),
        "hair": tiny.write_swapped(folder / "x1", "hair", "ada"),
        "nose": tiny.write_swapped(folder / "x2", "nose", "ben", normals=False, num_frames=5),
    }


def test_looks_follow_from_capture_json_in_the_order_of_the_folders(folders):
    found = sources([read_dataset(folders[name]) for name in ("nose", "me", "hair")])
    assert found.names == ("me", "nose/ben", "hair/ada")
    assert found.categories == ("nose", "hair")


def test_frames_carry_their_look_their_new_part_and_their_normals(folders):
    datasets = [read_dataset(folders[name]) for name in ("hair", "me", "nose")]
    channels = ("rgb", "seg_logit", "normals")
    settings = from_config(tiny.config(step__weights__normal=0.1, step__render__channels=channels))
    videos = load_videos(datasets, settings)
    frames = videos.train.batch(range(len(videos.train)))
    assert videos.counts == (8, 8, 4)
    np.testing.assert_array_equal(frames.look, np.repeat([0, 1, 2], videos.counts))
    np.testing.assert_array_equal(videos.test.look, [0, 0, 1, 1, 2])
    np.testing.assert_array_equal(frames.has_normal, frames.look == 1)
    assert frames.normal.dtype == np.uint8 and not frames.normal[frames.look != 1].any()
    assert frames.normal[8:16].reshape(8, -1).max(axis=1).min() == 255
    np.testing.assert_array_equal(frames.seg[0], tiny.picture(1)[1])
    for first, name in ((8, "hair"), (16, "nose")):
        expected = read_dataset(folders[name]).parts(name, indices=[0], image_size=(tiny.SIDE, tiny.SIDE))[0]
        np.testing.assert_array_equal(frames.seg[first], expected)
    np.testing.assert_array_equal(frames.frame, np.arange(20))
    assert [clip.look for clip in videos.own] == [0]


def test_normals_are_not_loaded_for_a_loss_without_weight(folders):
    videos = load_videos([read_dataset(folders[name]) for name in ("me", "hair")], from_config(tiny.config()))
    assert videos.train.batch([0, 8]).normal is None


def test_the_canonical_expression_is_that_of_the_own_videos(folders):
    alone = load_videos([read_dataset(folders["me"])], from_config(tiny.config()))
    all_of_them = load_videos([read_dataset(folder) for folder in folders.values()], from_config(tiny.config()))
    np.testing.assert_array_equal(all_of_them.expression_c, alone.expression_c)
    np.testing.assert_array_equal(all_of_them.mean_pose, alone.mean_pose)
    np.testing.assert_array_equal(all_of_them.expression_variance, alone.expression_variance)


def edited(folder, out, **synthesis):
    """A copy of a dataset folder with another `synthesis` in its capture.json."""
    shutil.copytree(folder, out)
    capture = json.loads((out / "capture.json").read_text())
    capture["synthesis"] |= synthesis
    (out / "capture.json").write_text(json.dumps(capture))
    return out


@pytest.mark.parametrize(
    "change, sentence",
    [
        (
            {"attribute": "moustache"},
            r"copy: the attribute in capture\.json is 'moustache'; it must be one of ears, eyebrows",
        ),
        ({"attribute": "identity"}, r"is 'identity'; it must be one of ears"),
        ({"attribute": "hat"}, r"copy has no masks of its new hat: parts/hat is missing"),
        ({"donor": ""}, r"copy: synthesis in capture\.json must name an attribute and a donor"),
        ({"donor": 3}, r"must name an attribute and a donor"),
        ({}, r"x1 and \S*copy both show hair/ada; give one of the two"),
    ],
)
def test_a_folder_that_does_not_fit_is_one_sentence(folders, tmp_path, change, sentence):
    odd = edited(folders["hair"], tmp_path / "copy", **change)
    with pytest.raises(UserError, match=sentence):
        train(tiny.config(stage_one_frames=0), data=[folders["me"], folders["hair"], odd], workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_swapped_folders_without_the_person_are_one_sentence(folders, tmp_path):
    with pytest.raises(UserError, match=r"x1 shows hair/ada on a person, and --data names no video of that person"):
        train(tiny.config(stage_one_frames=0), data=[folders["hair"]], workdir=tmp_path / "run")


def test_another_persons_folder_is_one_sentence(folders, tmp_path):
    params = json.loads((folders["me"] / "flame_params.json").read_text())
    other = tmp_path / "you"
    shutil.copytree(folders["me"], other)
    params["shape_params"][3] += 0.2
    (other / "flame_params.json").write_text(json.dumps(params))
    with pytest.raises(UserError, match=r"x1 shows another person than \S*you: their shapes differ"):
        train(tiny.config(stage_one_frames=0), data=[other, folders["hair"]], workdir=tmp_path / "run")


def test_a_config_of_one_stage_does_not_take_swapped_folders(folders, tmp_path):
    with pytest.raises(UserError, match=r"x1 is part-swapped, and this config has no second stage for it; use one"):
        train(tiny.config(), data=[folders["me"], folders["hair"]], workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
