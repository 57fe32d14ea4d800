"""Numbers that cannot be what they claim to be are refused by frame, in every format."""

import json

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from tests.data import examples


@pytest.fixture
def published(tmp_path):
    return examples.write_imavatar(tmp_path / "clip", per_frame_shape=True)


def _with(values, place, value):
    return [*values[:place], value, *values[place + 1 :]]


def _change(key, place, value):
    return lambda frame: frame.update({key: _with(frame[key], place, value)})


def _move(place, value):
    def move(frame):
        frame["world_mat"][place[0]][place[1]] = value

    return move


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_change("shape_params", 3, 1e6), r"a coefficient of its shape is 1e\+06"),
        (_change("expression", 3, -4000.0), "a coefficient of its expression is 4000"),
        (_change("pose", 7, 30.0), "a rotation of its pose turns by 30.*, which is no angle in radians"),
        (_move((0, 0), 2.0), "the first three columns of its world_mat are no rotation"),
        (_move((2, 2), -1.0), "the first three columns of its world_mat are no rotation"),
        (_move((2, 3), 4.0), "its head is 4 head units behind the camera"),
        (_move((2, 3), 0.0), "its head is 0 head units behind the camera"),
        (_move((2, 3), -4000.0), "shows a face 0.00075 times as wide as the picture"),
        (_move((2, 3), -0.004), "shows a face 750 times as wide as the picture"),
    ],
)
def test_the_frame_is_named(published, change, fault):
    examples.edit(published / "flame_params.json", lambda params: change(params["frames"][2]))
    with pytest.raises(UserError, match=rf"clip/image/3\.png: .*{fault}.*; correct what .* leave the frame out"):
        read_dataset(published)


@pytest.mark.parametrize(
    ("intrinsics", "fault"),
    [
        ([-1500.0, 1500.0, 0.5, 0.5], "its focal length is 1500 times the picture's width"),
        ([-3.0, 1e-4, 0.5, 0.5], ".* and 0.0001 times its height"),
        ([-3.0, 3.0, -1e6, 0.5], "its principal point lies 1e[+]06 sides"),
    ],
)
def test_cameras_of_no_lens(published, intrinsics, fault):
    examples.edit(published / "flame_params.json", lambda params: params.update(intrinsics=intrinsics))
    with pytest.raises(UserError, match=rf"image/1\.png: {fault}.*the first of 5 such frames"):
        read_dataset(published)


def test_frames_left_out_are_not_looked_at(published):
    examples.edit(published / "flame_params.json", lambda params: _move((2, 3), 4.0)(params["frames"][2]))
    (published.parent / "blacklist.json").write_text(json.dumps({"clip": ["3.png"]}))
    assert read_dataset(published).numbers.tolist() == [1, 2, 4, 5]


def test_other_formats_are_looked_at_too(tmp_path):
    vhap = examples.write_vhap(tmp_path / "306")
    np.savez(vhap / "flame_param" / "00001.npz", **{**examples.vhap_params(1), "neck_pose": np.array([[90.0, 0, 0]])})
    with pytest.raises(UserError, match=r"images/00001_00\.png: a rotation of its pose .*the first of 2 such frames"):
        read_dataset(vhap)
    insta = examples.write_insta(tmp_path / "justin")
    (insta / "flame" / "exp" / "00004.txt").write_text("1e6")
    with pytest.raises(UserError, match=r"images/00004\.png: a coefficient of its expression"):
        read_dataset(insta)


def test_many_coefficients_and_turns_that_trackers_do_find(published):
    """A full turn, and coefficients far out, are taken as they are."""

    def change(params):
        params["frames"][2]["pose"][:3] = [0.0, 6.2, 0.0]
        params["frames"][2]["expression"][0] = 40.0

    examples.edit(published / "flame_params.json", change)
    dataset = read_dataset(published)
    assert dataset.expression[2, 0] == 40.0 and dataset.pose[2, 1] == np.float32(6.2)
