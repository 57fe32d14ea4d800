import numpy as np
import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from tests.data.conftest import SIZE, pictures


def test_pictures_come_back_as_written(folder):
    dataset = read_dataset(folder)
    for row in range(5):
        image, mask, parts = pictures(row + 1)
        np.testing.assert_array_equal(dataset.images(indices=[row])[0], image)
        np.testing.assert_array_equal(dataset.masks(indices=[row])[0], mask)
        np.testing.assert_array_equal(dataset.parts("hair", indices=[row])[0], parts["hair"])
    assert dataset.images().shape == (5, *SIZE, 3)


def test_shrinking_averages_over_areas(folder):
    image = read_dataset(folder).images(indices=[2], image_size=(12, 16))[0]
    blocks = pictures(3)[0].reshape(12, 2, 16, 2, 3).astype(float).mean((1, 3))
    assert np.abs(image - blocks).max() <= 0.5


def test_indices_choose_and_order(folder):
    dataset = read_dataset(folder)
    np.testing.assert_array_equal(dataset.images(indices=[3, 0]), dataset.images()[[3, 0]])


def test_unknown_part_lists_the_known(folder):
    with pytest.raises(UserError, match="has no masks of 'hat'; it has hair"):
        read_dataset(folder).parts("hat")


def test_cameras_agree_with_camera(folder):
    dataset = read_dataset(folder)
    batch = dataset.cameras(image_size=(48, 64))
    assert batch.image_size == (48, 64)
    for row in range(5):
        one = dataset.camera(row, image_size=(48, 64))
        np.testing.assert_array_equal(batch.T_camera_world[row], one.T_camera_world)
        np.testing.assert_array_equal(batch.intrinsics[row], one.intrinsics)


def test_a_resized_camera_sees_the_resized_picture(folder):
    dataset = read_dataset(folder)
    points = np.array([[0.1, -0.2, 0.3]], np.float32)
    full = np.asarray(dataset.camera(1).project(points)[0])
    half = np.asarray(dataset.camera(1, image_size=(12, 16)).project(points)[0])
    np.testing.assert_allclose(half, full / 2, rtol=1e-5)


def test_split_holds_out_the_end(folder):
    train, test = read_dataset(folder).split()
    assert train.tolist() == [0, 1, 2, 3] and test.tolist() == [4]


def test_split_of_too_few_frames(folder):
    with pytest.raises(UserError, match="5 frames, too few to hold out 1%"):
        read_dataset(folder).split(test_fraction=0.01)
