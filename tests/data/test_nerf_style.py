"""What all readers of `transforms*.json` share; on INSTA's example."""

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from tests.data import examples


@pytest.fixture
def folder(tmp_path):
    folder = examples.write_insta(tmp_path / "justin")
    for name in ("train", "val", "test"):
        (folder / f"transforms_{name}.json").unlink()
    return folder


def change(folder, do):
    examples.edit(folder / "transforms.json", do)


def frame(**values):
    return lambda params: params["frames"][1].update(values)


def without(key):
    def drop(params):
        params.pop(key, None)
        for entry in params["frames"]:
            entry.pop(key, None)

    return drop


SKEWED = np.diag([1.0, 2.0, 1.0, 1.0]).tolist()
MIRRORED = np.diag([1.0, 1.0, -1.0, 1.0]).tolist()


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda p: p.pop("frames"), r"transforms\.json has no 'frames'"),
        (lambda p: p.update(frames=[]), "frames must be a list of at least one frame"),
        (lambda p: p.update(frames=[1]), r"frames\[0\] has no 'file_path'"),
        (without("file_path"), r"frames\[0\] has no 'file_path'"),
        (frame(file_path="../a.png"), r"frames\[1\]\.file_path: '\.\./a\.png' leads outside"),
        (frame(file_path="/a.png"), r"frames\[1\]\.file_path: '/a\.png' leads outside"),
        (frame(file_path=""), r"frames\[1\]\.file_path: '' names no file"),
        (frame(file_path="./."), r"frames\[1\]\.file_path: '\./\.' names no file"),
        (frame(transform_matrix=[[float("inf")] * 4] * 4), r"frames\[1\]: transform_matrix has a value .* not finite"),
        (frame(file_path=7), r"frames\[1\]\.file_path: 7 leads outside"),
        (frame(file_path="images/77.png"), r"images/77\.png is missing"),
        (without("exp_path"), r"has neither 'flame_param_path' \(VHAP\) nor 'exp_path' \(INSTA\)"),
        (without("transform_matrix"), r"frames\[\d\] has no 'transform_matrix'"),
        (frame(transform_matrix=[[1.0]]), r"frames\[1\]: transform_matrix must have shape \(4, 4\)"),
        (frame(transform_matrix=SKEWED), r"frames\[1\]: transform_matrix must be a rotation and a translation"),
        (frame(transform_matrix=MIRRORED), r"frames\[1\]: transform_matrix must be a rotation and a translation"),
        (frame(fl_x=0), r"frames\[1\]: fl_x and fl_y must be above 0"),
        (frame(fl_x=float("nan")), r"frames\[1\]: fl_x has a value that is not finite"),
        (frame(fl_y="long"), r"frames\[1\]: fl_y must be numbers"),
        (frame(w=64), r"frames\[1\]: w and h are 64x24, not of the shape of the pictures, which are 32x24 pixels"),
        (frame(h=0), r"frames\[1\]: w and h are 32x0"),
    ],
)
def test_a_malformed_json_is_one_sentence_with_file_and_key(folder, do, message):
    change(folder, do)
    with pytest.raises(UserError, match=message) as error:
        read_dataset(folder)
    assert str(folder) in str(error.value)


def test_no_focal_length_at_all(folder):
    change(folder, without("fl_x"))
    change(folder, without("camera_angle_x"))
    with pytest.raises(UserError, match=r"frames\[\d\] has no 'fl_x'"):
        read_dataset(folder)


def test_json_that_is_not_json(folder):
    (folder / "transforms.json").write_text("{")
    with pytest.raises(UserError, match=r"transforms\.json cannot be read as json"):
        read_dataset(folder)


def test_an_angle_in_place_of_a_focal_length(folder):
    for key in ("fl_x", "fl_y", "cx", "cy", "w", "h"):
        change(folder, without(key))
    focal = 16 / np.tan(0.35 / 2)
    expected = [-focal / 32, focal / 24, 0.5, 0.5]
    np.testing.assert_allclose(read_dataset(folder).intrinsics[5], expected, rtol=1e-6)


@pytest.mark.parametrize("angle", [0, -0.3, 40.0])
def test_an_angle_that_is_none(folder, angle):
    change(folder, without("fl_x"))
    change(folder, lambda params: params.update(camera_angle_x=angle))
    with pytest.raises(UserError, match=rf"frames\[\d\]: camera_angle_x must be radians .*; it is {angle:g}\."):
        read_dataset(folder)


def test_numbers_too_long_to_be_numbers(folder):
    long = "images/2026112909300212345678901234567890.png"
    (folder / "images" / "00006.png").rename(folder / long)
    change(folder, frame(file_path=long))
    assert read_dataset(folder).numbers.tolist() == list(range(1, 9))
    change(folder, frame(timestep_index=10**30))
    assert read_dataset(folder).numbers.tolist() == list(range(1, 9))


def test_pictures_smaller_than_those_the_camera_was_calibrated_for(folder):
    whole = read_dataset(folder).intrinsics
    change(folder, lambda p: p.update({key: 2 * p[key] for key in ("fl_x", "fl_y", "cx", "cy", "w", "h")}))
    np.testing.assert_allclose(read_dataset(folder).intrinsics, whole, rtol=1e-6)


def test_names_without_a_suffix(folder):
    def cut(params):
        for entry in params["frames"]:
            entry["file_path"] = entry["file_path"].removesuffix(".png")

    change(folder, cut)
    assert len(read_dataset(folder)) == 8


def test_names_count_by_their_numbers(folder):
    """2 comes before 10, and is not a text."""
    for old, new in ((6, 2), (7, 10)):
        (folder / "images" / f"{old:05d}.png").rename(folder / "images" / f"shot{new}.png")

    def rename(params):
        kept = [entry for entry in params["frames"] if entry["file_path"][-6:-4] in ("06", "07")]
        for entry in kept:
            entry["file_path"] = "images/shot2.png" if "06" in entry["file_path"] else "images/shot10.png"
        params["frames"] = kept

    change(folder, rename)
    dataset = read_dataset(folder)
    assert dataset.numbers.tolist() == [2, 10]
    np.testing.assert_array_equal(dataset.images(indices=[0])[0], examples.rgba(6)[..., :3])
