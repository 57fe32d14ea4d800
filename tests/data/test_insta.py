"""INSTA's folders."""

import json

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from tests.data import examples


@pytest.fixture
def folder(tmp_path):
    return examples.write_insta(tmp_path / "justin")


def test_parameters_and_projected_points(folder):
    dataset = read_dataset(folder)
    assert dataset.numbers.tolist() == list(range(8)), "in order of time, which the json's is not"
    points = examples.rng_of(0).uniform(-0.1, 0.1, (7, 3))
    k = examples.INSTA_CAMERA
    for row in range(8):
        np.testing.assert_allclose(dataset.expression[row], examples.insta_expression(row)[:50], atol=1e-7)
        homogeneous = np.hstack([points, np.ones((7, 1))])
        x, y, z, _ = np.linalg.inv(examples.opencv_camera_to_world(row)) @ homogeneous.T
        expected = np.stack([k["cx"] + k["fl_x"] * x / z, k["cy"] + k["fl_y"] * y / z], axis=1)
        means2d, depths = dataset.camera(row).project((4 * points).astype(np.float32))
        np.testing.assert_allclose(means2d, expected, atol=1e-3)
        np.testing.assert_allclose(depths, 4 * z, rtol=1e-5)


def test_what_published_folders_lack_is_zero_and_said(folder):
    dataset = read_dataset(folder)
    assert not dataset.pose.any() and not dataset.frame_betas.any()
    (note,) = dataset.notes
    assert str(folder) in note and "no FLAME parameters of shape, jaw, eyes" in note


def test_what_lies_beside_the_expressions_is_read(tmp_path):
    dataset = read_dataset(examples.write_insta(tmp_path / "justin", complete=True))
    assert dataset.notes == ()
    for row in range(8):
        jaw, eyes = examples.insta_rotations(row)
        np.testing.assert_allclose(dataset.pose[row], [*[0] * 6, *jaw, *eyes], atol=1e-6)
        np.testing.assert_allclose(dataset.frame_betas[row], examples.frame_shape(row), atol=1e-6)


def test_rotations_may_be_axis_angle(folder):
    for row in range(8):
        path = folder / "flame" / "jaw" / f"{row:05d}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("0.1 0.2 0.3")
    dataset = read_dataset(folder)
    np.testing.assert_allclose(dataset.pose[4, 6:9], [0.1, 0.2, 0.3], rtol=1e-6)
    assert "parameters of shape, eyes (" in dataset.notes[0]


def test_the_test_frames_are_held_out(folder):
    train, test = read_dataset(folder).split()
    assert train.tolist() == [0, 1, 2, 3, 4] and test.tolist() == [5, 6, 7]


def test_the_file_of_all_frames_alone_holds_nothing_out(folder):
    for name in ("train", "val", "test"):
        (folder / f"transforms_{name}.json").unlink()
    dataset = read_dataset(folder)
    assert len(dataset) == 8 and dataset.held_out is None


def test_the_alpha_channel_is_the_matte(folder):
    dataset = read_dataset(folder)
    np.testing.assert_array_equal(dataset.masks(indices=[3])[0], examples.rgba(3)[..., 3])
    np.testing.assert_array_equal(dataset.images(indices=[3])[0], examples.rgba(3)[..., :3])


def test_the_matted_twin_of_a_picture_without_alpha(folder):
    examples.save(folder / "images" / "00003.png", examples.rgba(3)[..., :3])
    with pytest.raises(UserError, match=r"images/00003\.png has no alpha channel"):
        read_dataset(folder)
    examples.save(folder / "matted" / "00003.png", examples.rgba(3))
    np.testing.assert_array_equal(read_dataset(folder).masks(indices=[3])[0], examples.rgba(3)[..., 3])


@pytest.mark.parametrize("row", [0, 5])
def test_a_rotation_that_one_frame_lacks(tmp_path, row):
    folder = examples.write_insta(tmp_path / "justin", complete=True)
    (folder / "flame" / "jaw" / f"{row:05d}.txt").unlink()
    with pytest.raises(UserError, match=rf"jaw/{row:05d}\.txt is missing"):
        read_dataset(folder)


def test_a_missing_expression(folder):
    (folder / "flame" / "exp" / "00004.txt").unlink()
    with pytest.raises(UserError, match=r"exp/00004\.txt is missing"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("exp", "0.1 nonsense", r"exp/00004\.txt must hold numbers"),
        ("exp", "", r"exp/00004\.txt is empty"),
        ("exp", "nan", r"exp/00004\.txt has a value that is not finite"),
        ("shape", "inf", r"flame/shape/00004\.txt has a value that is not finite"),
        ("jaw", "0.1 0.2", r"each file in flame/jaw must hold 3 or 6 numbers"),
        ("eyes", "0.1 0.2 0.3", r"each file in flame/eyes must hold 6 or 12 numbers"),
        ("jaw", "1 0 0 1 0 0", r"flame/jaw/00004\.txt holds 6 numbers that are not the first two rows of a rotation"),
        ("jaw", "1 0 0 0 nan 0", r"flame/jaw/00004\.txt has a value that is not finite"),
    ],
)
def test_a_malformed_text_file(tmp_path, name, text, message):
    folder = examples.write_insta(tmp_path / "justin", complete=True)
    (folder / "flame" / name / "00004.txt").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_dataset(folder)
    assert str(folder) in str(error.value)


def test_texts_and_names_as_windows_writes_them(tmp_path):
    """UTF-16 is what its shell makes of redirected output."""
    expected = read_dataset(examples.write_insta(tmp_path / "expected", complete=True))
    folder = examples.write_insta(tmp_path / "justin", complete=True)
    for encoding, name in (("utf-16", "exp"), ("utf-8-sig", "jaw"), ("utf-16-le", "eyes")):
        for path in (folder / "flame" / name).iterdir():
            path.write_text(path.read_text(), encoding=encoding)
    for name in ("transforms_train.json", "transforms_val.json", "transforms_test.json"):
        content = json.loads((folder / name).read_text())
        for frame in content["frames"]:
            frame.update({key: frame[key].replace("/", "\\") for key in ("file_path", "exp_path")})
        (folder / name).write_text(json.dumps(content), encoding="utf-8-sig")
    dataset = read_dataset(folder)
    for name in ("expression", "pose", "frame_betas", "world_mat"):
        np.testing.assert_array_equal(getattr(dataset, name), getattr(expected, name))
    assert [frame.image.name for frame in dataset.files] == [frame.image.name for frame in expected.files]


@pytest.mark.parametrize("name", ["../exp/1.txt", "..\\exp\\1.txt", "exp.txt"])
def test_no_name_leads_outside(folder, name):
    """Nor the files beside it: beside `exp.txt` would be `../jaw/exp.txt`."""
    (folder / "exp.txt").write_text("0.0")
    examples.edit(folder / "transforms_train.json", lambda params: params["frames"][0].update(exp_path=name))
    with pytest.raises(UserError, match=r"transforms_train\.json: frames\[0\]\.exp_path: .* leads outside"):
        read_dataset(folder)
