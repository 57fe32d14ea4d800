"""VHAP's exports and GaussianAvatars' data."""

import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import load_frames
from pegasus_jax.errors import UserError
from tests.data import examples


@pytest.fixture
def folder(tmp_path):
    return examples.write_vhap(tmp_path / "306")


def seen(point_metres, moment, camera):
    """Pixels and depth (metres) of a point of FLAME's posed mesh before its translation, by 4x4 matrices."""
    world = np.append(point_metres + examples.vhap_params(moment)["translation"][0], 1.0)
    x, y, z, _ = np.linalg.inv(examples.camera_to_world(moment, camera)) @ world
    k = examples.vhap_intrinsics(camera)
    return [k["cx"] + k["fl_x"] * x / -z, k["cy"] - k["fl_y"] * y / -z], -z


def test_parameters(folder):
    dataset = read_dataset(folder)
    assert len(dataset) == 12 and dataset.image_size == examples.SIZE and dataset.notes == ()
    assert dataset.numbers.tolist() == [moment for moment in range(6) for _ in range(2)]
    np.testing.assert_allclose(dataset.betas, examples.rng_of(8).normal(size=300)[:100], rtol=1e-6)
    for row in range(12):
        params = examples.vhap_params(row // 2)
        pose = np.concatenate([params[key][0] for key in ("rotation", "neck_pose", "jaw_pose", "eyes_pose")])
        np.testing.assert_allclose(dataset.pose[row], pose, rtol=1e-6)
        np.testing.assert_allclose(dataset.expression[row], params["expr"][0, :50], rtol=1e-6)


def test_points_project_where_they_were_seen(folder):
    dataset = read_dataset(folder)
    points = examples.rng_of(0).uniform(-0.1, 0.1, (7, 3))
    cameras = dataset.cameras()
    assert len(np.unique(np.asarray(cameras.intrinsics), axis=0)) == 2
    for row in range(12):
        expected = [seen(point, row // 2, row % 2) for point in points]
        means2d, depths = dataset.camera(row).project((4 * points).astype(np.float32))
        np.testing.assert_allclose(means2d, [pixel for pixel, _ in expected], atol=1e-3)
        np.testing.assert_allclose(depths, [4 * depth for _, depth in expected], rtol=1e-5)


def test_pictures_and_masks(folder):
    dataset = read_dataset(folder)
    for row in (0, 7):
        picture = examples.rgba(row // 2, row % 2)
        np.testing.assert_array_equal(dataset.images(indices=[row])[0], picture[..., :3])
        np.testing.assert_array_equal(dataset.masks(indices=[row])[0], picture[..., 3])
    assert dataset.part_names == ()


def test_the_folders_own_split_is_kept(folder):
    train, test = read_dataset(folder).split(test_fraction=0.5)
    assert train.tolist() == [0, 2, 4, 6]
    assert test.tolist() == [1, 3, 5, 7, 8, 9, 10, 11]


def test_batches_have_each_frames_own_camera_and_shape(folder):
    dataset = read_dataset(folder)
    batch = load_frames(dataset, np.array([9, 2]), image_size=(12, 16))
    whole, half = dataset.cameras(), batch.cameras
    np.testing.assert_allclose(half.intrinsics, np.asarray(whole.intrinsics)[[9, 2]] / 2, rtol=1e-6)
    np.testing.assert_array_equal(half.T_camera_world, np.asarray(whole.T_camera_world)[[9, 2]])
    np.testing.assert_array_equal(batch.betas, dataset.frame_betas[[9, 2]])


def test_one_file_of_one_camera_and_jpegs(tmp_path):
    dataset = read_dataset(examples.write_vhap(tmp_path / "obama", cameras=1, split=False, suffix=".jpg"))
    assert dataset.held_out is None and dataset.numbers.tolist() == list(range(6))
    assert dataset.split()[1].tolist() == [5]
    assert dataset.image_size == examples.SIZE
    smooth = np.full((*examples.SIZE, 3), (200, 100, 50), np.uint8)
    examples.save(dataset.files[0].image, smooth)
    assert np.abs(dataset.images(indices=[0])[0].astype(int) - smooth).max() <= 3


def test_intrinsics_may_stand_once_for_all_frames(folder):
    def share(params):
        for frame in params["frames"]:
            params.update({key: frame.pop(key) for key in ("fl_x", "fl_y", "cx", "cy", "w", "h")})

    whole = read_dataset(folder)
    for name in ("transforms_val.json",):  # frames of one camera
        examples.edit(folder / name, share)
    np.testing.assert_array_equal(read_dataset(folder).intrinsics, whole.intrinsics)


def test_fewer_coefficients_are_filled_with_zeros(folder):
    path = folder / "flame_param" / "00001.npz"
    np.savez(path, **{**examples.vhap_params(1), "expr": np.ones((1, 10))})
    np.testing.assert_array_equal(read_dataset(folder).expression[2], [1.0] * 10 + [0.0] * 40)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"translation": None}, r"00001\.npz has no 'translation'"),
        ({"eyes_pose": None}, r"00001\.npz has no 'eyes_pose'"),
        ({"jaw_pose": np.zeros((1, 6))}, r"00001\.npz: jaw_pose must be 3 numbers; it has shape \(1, 6\)"),
        ({"expr": np.full((1, 100), np.nan)}, r"00001\.npz: expr has a value that is not finite"),
        ({"shape": np.zeros(0)}, r"00001\.npz: shape is empty"),
        ({"rotation": np.array(["a", "b", "c"])}, r"00001\.npz: rotation must be numbers"),
        ({"expr": np.full((1, 100), 1j)}, r"00001\.npz: expr must be numbers"),
        ({"expr": np.array(["2024"], "M8[D]")}, r"expr\.npy holds datetime64\[D\], not plain numbers"),
        ({"shape": np.zeros(3, [("a", "f4")])}, r"shape\.npy holds .*, not plain numbers"),
        ({"shape": np.full(100, 1e300)}, r"00001\.npz: shape has a value that is not finite"),
        ({"shape": np.array([{}])}, r"00001\.npz is not an \.npz of plain arrays"),
    ],
)
def test_a_malformed_parameter_file(folder, arrays, message):
    content = {**examples.vhap_params(1), **arrays}
    kept = {key: value for key, value in content.items() if value is not None}
    np.savez(folder / "flame_param" / "00001.npz", **kept)
    with pytest.raises(UserError, match=message) as error:
        read_dataset(folder)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut short", b"hello", b""])
def test_a_parameter_file_that_is_none(folder, content):
    (folder / "flame_param" / "00001.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"00001\.npz is not an \.npz of plain arrays"):
        read_dataset(folder)


def test_a_missing_parameter_file(folder):
    (folder / "flame_param" / "00001.npz").unlink()
    with pytest.raises(UserError, match=r"00001\.npz is missing"):
        read_dataset(folder)


@pytest.mark.parametrize("key", ["file_path", "fg_mask_path", "flame_param_path"])
def test_no_name_leads_outside(folder, key):
    """As in a union of several sequences."""
    examples.edit(folder / "transforms_train.json", lambda params: params["frames"][0].update({key: "../other/x.npz"}))
    with pytest.raises(
        UserError, match=rf"transforms_train\.json: frames\[0\]\.{key}: '\.\./other/x\.npz' leads outside"
    ):
        read_dataset(folder)


def test_a_frame_without_parameters_among_others(folder):
    examples.edit(folder / "transforms_test.json", lambda params: params["frames"][1].pop("flame_param_path"))
    with pytest.raises(UserError, match=r"transforms_test\.json: frames\[1\] has no 'flame_param_path'"):
        read_dataset(folder)


def test_a_missing_mask_needs_an_alpha_channel(folder):
    (folder / "fg_masks" / "00000_00.png").unlink()
    with pytest.raises(UserError, match=r"00000_00\.png is missing, and .*images/00000_00\.png has no alpha channel"):
        read_dataset(folder)
    examples.save(folder / "images" / "00000_00.png", examples.rgba(0, 0))
    np.testing.assert_array_equal(read_dataset(folder).masks(indices=[0])[0], examples.rgba(0, 0)[..., 3])


def test_frames_without_a_mask_path_use_the_alpha_channel(folder):
    def forget(params):
        for frame in params["frames"]:
            del frame["fg_mask_path"]

    for name in ("train", "val", "test"):
        examples.edit(folder / f"transforms_{name}.json", forget)
    with pytest.raises(UserError, match=r"images/00000_00\.png has no alpha channel to take as its matte"):
        read_dataset(folder)


def test_one_of_the_files_may_be_empty_but_not_all(folder):
    examples.edit(folder / "transforms_val.json", lambda params: params.update(frames=[]))
    assert read_dataset(folder).numbers.tolist() == [0, 1, 2, 3, 4, 4, 5, 5]
    for name in ("train", "test"):
        examples.edit(folder / f"transforms_{name}.json", lambda params: params.update(frames=[]))
    with pytest.raises(UserError, match=r"transforms_train\.json has no frame, nor have the files beside it"):
        read_dataset(folder)


def test_all_frames_held_out(folder):
    (folder / "transforms_train.json").unlink()
    dataset = read_dataset(folder)
    assert dataset.held_out.all()
    with pytest.raises(UserError, match="holds out all of its 8 frames for testing"):
        dataset.split()
