import json
import re

import cv2
import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from tests.data.conftest import INTRINSICS, SIZE, frame_params


def edit(folder, change):
    path = folder / "flame_params.json"
    params = json.loads(path.read_text())
    change(params)
    path.write_text(json.dumps(params))


def test_round_trip(folder):
    dataset = read_dataset(folder)
    assert len(dataset) == 5
    assert dataset.numbers.tolist() == [1, 2, 3, 4, 5]
    assert dataset.image_size == SIZE
    assert dataset.part_names == ("hair",)
    assert dataset.capture == {"donor": "ada"}
    np.testing.assert_allclose(dataset.betas, np.arange(100) / 100, rtol=1e-6)
    np.testing.assert_allclose(dataset.intrinsics, np.tile(INTRINSICS, (5, 1)), rtol=1e-6)
    for row, number in enumerate(dataset.numbers):
        frame = frame_params(int(number))
        np.testing.assert_allclose(dataset.pose[row], frame.pose, rtol=1e-6)
        np.testing.assert_allclose(dataset.expression[row], frame.expression, rtol=1e-6)
        np.testing.assert_allclose(dataset.world_mat[row], frame.world_mat, rtol=1e-6)


def test_old_intrinsics_in_512_pixel_units(folder):
    edit(folder, lambda p: p.update(intrinsics=[-1500.0, 1500.0, 256.0, 250.0]))
    np.testing.assert_allclose(read_dataset(folder).intrinsics[3], np.array([-1500, 1500, 256, 250]) / 512, rtol=1e-6)


def test_published_data_need_neither_capture_json_nor_parts(folder):
    (folder / "capture.json").unlink()
    for path in (folder / "parts" / "hair").iterdir():
        path.unlink()
    (folder / "parts" / "hair").rmdir()
    dataset = read_dataset(folder)
    assert dataset.capture == {} and dataset.part_names == ()


def _set(key, value):
    return lambda p: p["frames"][1].update({key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("frames"), "flame_params.json has no 'frames'"),
        (lambda p: p.update(frames=[]), "frames must be a list of at least one frame"),
        (lambda p: p.pop("shape_params"), "flame_params.json has no 'shape_params'"),
        (lambda p: p.pop("intrinsics"), "flame_params.json has no 'intrinsics'"),
        (lambda p: p["frames"][1].pop("pose"), r"frames\[1\] has no 'pose'"),
        (lambda p: p["frames"][1].pop("file_path"), r"frames\[1\] has no 'file_path'"),
        (_set("pose", [0.0] * 6), r"frames\[1\]: pose must have shape \(15,\); it has \(6,\)"),
        (
            _set("expression", [0.0] * 49 + [float("nan")]),
            r"frames\[1\]: expression has a value .* not finite",
        ),
        (_set("world_mat", "identity"), r"frames\[1\]: world_mat must be numbers of shape \(3, 4\)"),
        (_set("file_path", "../../other/image/1"), r"frames\[1\]\.file_path: .* leads outside"),
        (_set("file_path", "/etc/1"), r"frames\[1\]\.file_path: '/etc/1' leads outside"),
        (_set("file_path", "./image/one"), r"file_path must look like './image/1'; got './image/one'"),
        (_set("file_path", "./image/1"), "two frames have the same file_path"),
        (_set("file_path", "./image/77"), r"image/77\.png is missing"),
        (_set("expression", []), r"frames\[1\]: expression is empty"),
        (_set("expression", ["wide"]), r"frames\[1\]: expression must be numbers"),
        (_set("expression", [1e39]), r"frames\[1\]: expression has a value .* not finite"),
        (_set("file_path", "..\\..\\other\\1"), r"frames\[1\]\.file_path: .* leads outside"),
        (_set("file_path", "C:\\me\\image\\1.png"), r"frames\[1\]\.file_path: .* leads outside"),
        (_set("file_path", "image/1\0"), r"frames\[1\]\.file_path: 'image/1\\x00' is a name that no file can have"),
        (_set("file_path", "image/\ud800"), r"frames\[1\]\.file_path: .* is a name that no file can have"),
        (_set("file_path", f"image/{10**30}"), r"file_path must look like './image/1'"),
        (lambda p: p.update(shape_params=[]), r"flame_params\.json: shape_params is empty"),
        (lambda p: p.update(shape_params="tall"), r"flame_params\.json: shape_params must be numbers"),
        (lambda p: p.update(intrinsics=[-3, 0, 0.5, 0.5]), "with fx, fy above 0"),
    ],
)
def test_a_malformed_json_is_one_sentence_with_file_and_key(folder, change, message):
    edit(folder, change)
    with pytest.raises(UserError, match=message) as error:
        read_dataset(folder)
    assert str(folder) in str(error.value)


def test_json_that_is_not_json(folder):
    (folder / "flame_params.json").write_text("{")
    with pytest.raises(UserError, match=r"flame_params\.json cannot be read as json"):
        read_dataset(folder)
    (folder / "flame_params.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match=r"flame_params\.json is nested deeper than 64 levels"):
        read_dataset(folder)
    (folder / "flame_params.json").write_text("[]")
    with pytest.raises(UserError, match="must hold a json object"):
        read_dataset(folder)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_in_the_encodings_of_other_systems(folder, encoding):
    expected = read_dataset(folder)
    for name in ("flame_params.json", "capture.json"):
        path = folder / name
        path.write_text(path.read_text(), encoding=encoding)
    dataset = read_dataset(folder)
    np.testing.assert_array_equal(dataset.expression, expected.expression)
    assert dataset.capture == expected.capture


def test_json_that_is_no_text(folder):
    (folder / "flame_params.json").write_bytes('{"frames": "é"}'.encode("latin1"))
    with pytest.raises(UserError, match=r"flame_params\.json is not text \(byte 12\); save it again as UTF-8"):
        read_dataset(folder)


def test_missing_things_are_named(folder, tmp_path):
    with pytest.raises(UserError, match="nowhere is not a folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"other\.json is missing"):
        read_dataset(folder, json_name="other.json")
    with pytest.raises(UserError, match="leads outside"):
        read_dataset(folder, json_name="../other.json")
    (folder / "mask" / "3.png").unlink()
    with pytest.raises(UserError, match=r"mask/3\.png is missing"):
        read_dataset(folder)


@pytest.mark.parametrize("name", ["mask/2.png", "image/2.png", "parts/hair/2.png"])
def test_a_picture_of_another_size(folder, name):
    cv2.imwrite(str(folder / name), np.zeros((10, 12), np.uint8))
    with pytest.raises(UserError, match=rf"{re.escape(name)} is 12x10 pixels where the first image is 32x24"):
        read_dataset(folder)


def test_a_picture_that_is_no_png(folder):
    (folder / "image" / "2.png").write_text("hello")
    with pytest.raises(UserError, match=r"image/2\.png is not a PNG"):
        read_dataset(folder)
