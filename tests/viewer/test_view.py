import dataclasses

import numpy as np
import pytest

from pegasus_jax.viewer.view import View, camera, image_size, swung, unstretched

FRONT = View(wxyz=(0.0, 1.0, 0.0, 0.0), position=(0.0, 0.0, 4.0), fov=0.5, aspect=1.5)  # looks along -z, y down is -y


def pixel(view, size, point):
    means, depths = camera(view, size).project(np.array([point], np.float32))
    return np.asarray(means)[0], float(depths[0])


def test_a_camera_in_front_sees_the_head_upright():
    middle, depth = pixel(FRONT, (64, 96), [0, 0, 0])
    np.testing.assert_allclose(middle, [48, 32], atol=1e-5)
    assert depth == pytest.approx(4.0)
    above, _ = pixel(FRONT, (64, 96), [0, 0.5, 0])
    left, _ = pixel(FRONT, (64, 96), [0.5, 0, 0])  # the subject's left is on the picture's right
    assert above[1] < 32 and left[0] > 48
    edge, _ = pixel(FRONT, (64, 96), [0, 4 * np.tan(0.25), 0])
    assert edge[1] == pytest.approx(0.0, abs=1e-4)
    side, _ = pixel(FRONT, (64, 96), [4 * 1.5 * np.tan(0.25), 0, 0])
    assert side[0] == pytest.approx(96.0, abs=1e-4)


def test_a_picture_of_another_aspect_is_the_same_when_stretched():
    point = [0.3, 0.2, 0.1]
    exact, _ = pixel(FRONT, (64, 96), point)
    wide, _ = pixel(FRONT, (64, 128), point)
    np.testing.assert_allclose(wide / [128, 64], exact / [96, 64], atol=1e-6)


def test_the_quaternion_turns_as_it_should():
    half = np.sqrt(0.5)
    from_left = View(wxyz=(0.0, half, 0.0, -half), position=(4.0, 0.0, 0.0), fov=0.5, aspect=1.0)
    middle, depth = pixel(from_left, (64, 64), [0, 0, 0])
    np.testing.assert_allclose(middle, [32, 32], atol=1e-4)
    assert depth == pytest.approx(4.0, abs=1e-5)


def test_few_sizes_are_drawn():
    sizes = {image_size(aspect, 512) for aspect in np.linspace(0.3, 3.0, 500)}
    assert len(sizes) < 25 and all(height == 512 and width % 64 == 0 for height, width in sizes)
    assert image_size(1e9, 512) == (512, 2048) and image_size(1e-9, 512) == (512, 128)


def test_a_swing_goes_round_the_head_and_keeps_looking_at_it():
    angle = 0.4
    view = swung(FRONT, angle)
    np.testing.assert_allclose(view.position, [4 * np.sin(angle), 0, 4 * np.cos(angle)], atol=1e-6)
    for point in ([0, 0, 0], [0.3, 0.2, 0.1], [-0.2, 0.4, 0]):
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        expected, depth = pixel(FRONT, (64, 96), point)
        got, got_depth = pixel(view, (64, 96), turn @ point)
        np.testing.assert_allclose(got, expected, atol=1e-4)
        assert got_depth == pytest.approx(depth, abs=1e-5)


def test_an_unstretched_view_has_one_focal_length():
    for aspect in (0.7, 1.4, 1.77):
        view = unstretched(dataclasses.replace(FRONT, aspect=aspect), 128)
        fx, fy = np.asarray(camera(view, image_size(view.aspect, 128)).intrinsics)[:2]
        assert fx == pytest.approx(fy, rel=1e-6) and abs(view.aspect / aspect - 1) < 0.4
