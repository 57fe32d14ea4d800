import numpy as np
import pytest

from pegasus_jax.capture.crop import Crop, head_crop
from pegasus_jax.errors import UserError


def _face(centre, height, num_frames=4):
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, size=(478, 2)) * [0.75 * height, height] + centre
    return np.repeat(points[None], num_frames, axis=0)


def test_the_crop_holds_the_head_with_room_above_and_lies_in_the_picture():
    landmarks = _face((600, 400), 200)
    crop = head_crop(landmarks, (1080, 1920))
    low, high = landmarks.min(axis=(0, 1)), landmarks.max(axis=(0, 1))
    assert crop.left < low[0] and crop.left + crop.side > high[0]
    assert crop.top < low[1] - 80 and crop.top + crop.side > high[1] + 60
    assert crop.left >= 0 and crop.top >= 0 and crop.top + crop.side <= 1080


def test_one_crop_holds_a_head_that_moves():
    landmarks = np.concatenate([_face((500, 400), 200), _face((800, 450), 200)])
    crop = head_crop(landmarks, (1080, 1920))
    assert crop.left < 425 and crop.left + crop.side > 875


def test_a_picture_that_is_a_head_crop_already_is_taken_whole():
    assert head_crop(_face((256, 270), 260), (512, 512)) == Crop(0, 0, 512)


def test_a_face_that_fills_a_wide_picture_is_padded_above_and_below():
    crop = head_crop(_face((400, 256), 500), (512, 800))
    assert crop.side > 512 and crop.top <= 0
    assert crop.top + crop.side >= 512 and crop.left >= 0 and crop.left + crop.side <= 800


def test_frames_without_a_face_do_not_count():
    landmarks = _face((600, 400), 200)
    with_gap = np.concatenate([landmarks, np.full_like(landmarks[:1], np.nan)])
    assert head_crop(with_gap, (1080, 1920)) == head_crop(landmarks, (1080, 1920))
    with pytest.raises(UserError, match="No face was found in any picture"):
        head_crop(with_gap[-1:], (1080, 1920))


def test_pixels_and_points_move_together_and_the_outside_is_filled():
    image = np.zeros((40, 60, 3), np.uint8)
    image[10, 20] = 255
    crop = Crop(left=-4, top=5, side=40)
    cropped = crop.apply(image, 40, fill=7)
    x, y = np.floor(crop.to_crop(np.array([20.5, 10.5]), 40)).astype(int)
    assert np.all(cropped[y, x] == 255)
    assert np.all(cropped[:, :4] == 7) and np.all(cropped[35:] == 7)
    assert np.all(crop.apply(np.ones((40, 60), np.float32), 40, fill=0) == (cropped[..., 1] != 7))


def test_scaling_scales_depth_too():
    np.testing.assert_allclose(Crop(10, 20, 100).to_crop(np.array([60.0, 70.0, 8.0]), 50), [25, 25, 4])
