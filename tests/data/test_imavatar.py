"""IMAvatar's, PointAvatar's and PEGASUS' folders as they are downloaded."""

import json

import cv2
import numpy as np
import pytest

from pegasus_jax.data import dataset_folders, read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.errors import UserError
from tests.data import examples

LABELS = {
    "hair": [17],
    "hat": [18],
    "eyebrows": [2, 3],
    "eyes": [4, 5],
    "nose": [10],
    "mouth": [11, 12, 13],
    "clothing": [15, 16],
}


@pytest.fixture
def published(tmp_path):
    return examples.write_imavatar(tmp_path / "clip")


def test_parameters_and_projected_points(published):
    dataset = read_dataset(published)
    assert dataset.numbers.tolist() == [1, 2, 3, 4, 5] and dataset.capture == {} and dataset.held_out is None
    np.testing.assert_array_equal(dataset.betas, examples.frame_shape(0).astype(np.float32))
    height, width = examples.SIZE
    for row, number in enumerate(range(1, 6)):
        frame = examples.imavatar_frame(number)
        np.testing.assert_allclose(dataset.expression[row], frame["expression"], rtol=1e-6)
        np.testing.assert_allclose(dataset.pose[row], frame["pose"], rtol=1e-6)
        x, y, z = np.array([0.2, -0.1, 0.3]) + np.array(frame["world_mat"])[:, 3]
        expected = [width * (0.51 + 3.0 * x / -z), height * (0.49 - 2.9 * y / -z)]
        means2d, depths = dataset.camera(row).project(np.array([[0.2, -0.1, 0.3]], np.float32))
        np.testing.assert_allclose(means2d[0], expected, rtol=1e-5)
        np.testing.assert_allclose(depths, [-z], rtol=1e-6)


def test_soft_and_hard_masks_of_one_and_three_channels(published):
    dataset = read_dataset(published)
    for row, number in enumerate(range(1, 6)):
        soft = examples.rgba(number)[..., 3]
        expected = soft if number % 2 else np.where(soft > 127, 255, 0)
        np.testing.assert_array_equal(dataset.masks(indices=[row])[0], expected)


def test_without_a_mask_the_alpha_channel_is_the_matte(published):
    (published / "mask" / "2.png").unlink()
    examples.save(published / "image" / "2.png", examples.rgba(2))
    dataset = read_dataset(published)
    np.testing.assert_array_equal(dataset.masks(indices=[1])[0], examples.rgba(2)[..., 3])
    np.testing.assert_array_equal(dataset.images(indices=[1])[0], examples.rgba(2)[..., :3])


def test_another_name_of_the_json(tmp_path):
    folder = examples.write_imavatar(tmp_path / "clip", json_name="flame_params_independent.json")
    assert len(read_dataset(folder)) == 5
    (folder / "other.json").write_bytes((folder / "flame_params_independent.json").read_bytes())
    with pytest.raises(
        UserError, match=r"several json files with frames \(flame_params_independent.json, other.json\)"
    ):
        read_dataset(folder)
    assert len(read_dataset(folder, json_name="other.json")) == 5
    (folder / "other.json").rename(folder / "flame_params.json")
    assert len(read_dataset(folder)) == 5


def test_nerf_style_jsons_beside_it_do_not_matter(published):
    (published / "transforms_train.json").write_text("{}")
    assert len(read_dataset(published)) == 5


def test_one_shape_per_frame(tmp_path):
    dataset = read_dataset(examples.write_imavatar(tmp_path / "clip", per_frame_shape=True))
    shapes = np.stack([examples.frame_shape(number) for number in range(1, 6)])
    np.testing.assert_allclose(dataset.frame_betas, shapes, rtol=1e-6)
    np.testing.assert_allclose(dataset.betas, shapes.mean(axis=0), rtol=1e-5, atol=1e-6)
    batch = load_frames(dataset, np.array([3, 1]), image_size=(12, 16))
    np.testing.assert_allclose(batch.betas, shapes[[3, 1]], rtol=1e-6)


def test_a_frame_without_its_shape_is_named(tmp_path):
    folder = examples.write_imavatar(tmp_path / "clip", per_frame_shape=True)
    examples.edit(folder / "flame_params.json", lambda params: params["frames"][2].pop("shape_params"))
    with pytest.raises(UserError, match=r"frames\[2\] has no 'shape_params'"):
        read_dataset(folder)


@pytest.mark.parametrize("per_frame_shape", [False, True])
def test_more_coefficients_are_cut_and_fewer_filled_with_zeros(tmp_path, per_frame_shape):
    folder = examples.write_imavatar(tmp_path / "clip", per_frame_shape=per_frame_shape)
    lengths = [10, 50, 100, 60, 7]

    def resize(params):
        for frame, length in zip(params["frames"], lengths):
            frame["expression"] = [0.1] * length
        for holder in params["frames"] if per_frame_shape else [params]:
            holder["shape_params"] = [0.2] * 300

    examples.edit(folder / "flame_params.json", resize)
    dataset = read_dataset(folder)
    expected = [[0.1] * min(length, 50) + [0.0] * max(0, 50 - length) for length in lengths]
    np.testing.assert_array_equal(dataset.expression, np.float32(expected))
    np.testing.assert_array_equal(dataset.frame_betas, np.full((5, 100), 0.2, np.float32))

    def shorten(params):
        for frame in params["frames"]:
            frame["expression"] = [[0.1] * 10]
        for holder in params["frames"] if per_frame_shape else [params]:
            holder["shape_params"] = [0.2] * 10

    examples.edit(folder / "flame_params.json", shorten)
    dataset = read_dataset(folder)
    np.testing.assert_array_equal(dataset.expression, np.float32([[0.1] * 10 + [0.0] * 40] * 5))
    np.testing.assert_array_equal(dataset.frame_betas, np.float32([[0.2] * 10 + [0.0] * 90] * 5))


def test_the_fourth_row_of_a_rigid_motion_is_left_out(published):
    expected = read_dataset(published).world_mat

    def close(row):
        return lambda params: [frame["world_mat"].append(row) for frame in params["frames"]]

    examples.edit(published / "flame_params.json", close([0, 0, 0, 1]))
    np.testing.assert_array_equal(read_dataset(published).world_mat, expected)
    examples.edit(published / "flame_params.json", lambda params: params["frames"][2]["world_mat"].pop())
    with pytest.raises(UserError, match=r"frames\[2\]: world_mat must have shape \(4, 4\); it has \(3, 4\)"):
        read_dataset(published)
    examples.edit(published / "flame_params.json", lambda p: p["frames"][2]["world_mat"].append([0, 0, 0, 2]))
    with pytest.raises(UserError, match=r"frames\[2\]: world_mat must end with the row \[0, 0, 0, 1\]"):
        read_dataset(published)


def test_names_with_backslashes(published):
    def turn(params):
        for number, frame in enumerate(params["frames"], start=1):
            frame["file_path"] = [f".\\image\\{number}", f"image\\{number}.png"][number % 2]

    examples.edit(published / "flame_params.json", turn)
    assert read_dataset(published).numbers.tolist() == [1, 2, 3, 4, 5]


def test_labels_are_read_as_parts(published):
    dataset = read_dataset(published)
    assert dataset.part_names == tuple(sorted(LABELS))
    for name, labels in LABELS.items():
        expected = 255 * np.isin(examples.labels(3), labels)
        np.testing.assert_array_equal(dataset.parts(name, indices=[2])[0], expected)
    batch = load_frames(dataset, np.arange(5), image_size=examples.SIZE)
    np.testing.assert_array_equal(batch.emphasis[4], 255 * np.isin(examples.labels(5), [4, 5, 11, 12, 13]))


def test_masks_of_their_own_win_over_labels(published):
    for number in range(1, 6):
        examples.save(published / "parts" / "hair" / f"{number}.png", examples.rgba(number)[..., 0])
    dataset = read_dataset(published)
    assert dataset.part_names == tuple(sorted(LABELS))
    np.testing.assert_array_equal(dataset.parts("hair", indices=[0])[0], examples.rgba(1)[..., 0])
    np.testing.assert_array_equal(dataset.parts("nose", indices=[0])[0], 255 * (examples.labels(1) == 10))


def test_a_label_map_that_is_none(published):
    examples.save(published / "semantic" / "2.png", np.full(examples.SIZE, 255, np.uint8))
    with pytest.raises(UserError, match=r"semantic/2\.png has the label 255; a map of 19 classes holds 0 to 18"):
        read_dataset(published).parts("hair")
    cv2.imwrite(str(published / "semantic" / "2.png"), np.zeros((10, 12), np.uint8))
    with pytest.raises(UserError, match=r"semantic/2\.png is 12x10 pixels where the first image is 32x24"):
        read_dataset(published)


def test_blacklisted_frames_are_left_out(published):
    """They lack pictures."""
    (published / "image" / "2.png").unlink()
    with pytest.raises(UserError, match=r"image/2\.png is missing"):
        read_dataset(published)
    blacklist = published.parent / "blacklist.json"
    blacklist.write_text(json.dumps({"clip": ["2.png", "5.png"], "another": ["1.png"]}))
    dataset = read_dataset(published)
    assert dataset.numbers.tolist() == [1, 3, 4] and len(dataset.files) == len(dataset.intrinsics) == 3
    np.testing.assert_allclose(dataset.pose[1], examples.imavatar_frame(3)["pose"], rtol=1e-6)
    blacklist.write_text(json.dumps({"clip": [f"{number}.png" for number in range(1, 6)]}))
    with pytest.raises(UserError, match=r"blacklist\.json lists every frame of .*clip; there is nothing left"):
        read_dataset(published)
    blacklist.write_text(json.dumps({"clip": 2}))
    with pytest.raises(UserError, match=r"blacklist\.json: clip must be a list of names such as '1\.png'"):
        read_dataset(published)


def test_the_doubled_name_and_several_clips(tmp_path):
    subject = tmp_path / "me" / "me"
    first = examples.write_imavatar(subject / "talking")
    assert dataset_folders(tmp_path / "me") == [first]
    assert read_dataset(tmp_path / "me").folder == first
    examples.write_imavatar(subject / "hair_ada", json_name="flame_params_independent.json")
    (subject / "blacklist.json").write_text("{}")
    found = dataset_folders(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["me/me/hair_ada", "me/me/talking"]
    with pytest.raises(UserError, match=r"several dataset folders below it \(me/hair_ada, me/talking\); name one"):
        read_dataset(tmp_path / "me")


def test_a_folder_without_any_dataset(tmp_path):
    (tmp_path / "a" / "image").mkdir(parents=True)
    assert dataset_folders(tmp_path) == []
    with pytest.raises(UserError, match=r"neither flame_params\.json nor transforms\.json"):
        read_dataset(tmp_path)


def test_pictures_of_normals_are_read_where_there_are_any(published):
    assert read_dataset(published).normals() is None
    for number in range(1, 6):
        examples.save(published / "normal" / f"{number}.png", examples.rgba(number)[..., :3])
    normals = read_dataset(published).normals(indices=[3])
    np.testing.assert_array_equal(normals, examples.rgba(4)[None, ..., :3])
    (published / "normal" / "2.png").unlink()
    with pytest.raises(UserError, match=r"normal/2\.png is missing"):
        read_dataset(published)
