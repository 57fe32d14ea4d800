"""The camera against the closed form of spec section 5.1, written out in float64."""

import numpy as np
import pytest

from pegasus_jax.data import Camera
from pegasus_jax.errors import UserError


def closed_form(point, world_mat, intrinsics, image_size):
    """u = cx + fx (x + tx) / Z, v = cy - fy (y + ty) / Z with Z = -(z + tz), after the rotation."""
    height, width = image_size
    x, y, z = world_mat[:, :3] @ point + world_mat[:, 3]
    fx, fy = -intrinsics[0] * width, intrinsics[1] * height
    return np.array([intrinsics[2] * width + fx * x / -z, intrinsics[3] * height - fy * y / -z]), -z


def rotation(axis, angle):
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def project(camera, points):
    means2d, depths = camera.project(np.asarray(points, np.float32))
    return np.asarray(means2d), np.asarray(depths)


def test_the_worked_example_of_the_specification():
    world_mat = np.hstack([np.eye(3), [[0.1], [-0.2], [-4.0]]])
    intrinsics = np.array([-1539.67, 1508.93, 261.44, 253.23]) / 512
    camera = Camera.from_imavatar(world_mat, intrinsics, image_size=(512, 512))
    means2d, depths = project(camera, [[0.3, 0.4, 0.5]])
    np.testing.assert_allclose(means2d, [[437.402, 167.005]], atol=2e-3)
    np.testing.assert_allclose(depths, [3.5], atol=1e-6)


@pytest.mark.parametrize("image_size", [(96, 96), (120, 200)])
@pytest.mark.parametrize("fx_sign", [-1, 1], ids=["normal", "mirrored"])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_closed_form(image_size, fx_sign, angle):
    world_mat = np.hstack([rotation([1, 2, -1], angle), [[0.1], [-0.05], [-4.2]]])
    intrinsics = np.array([fx_sign * 2.9, 3.1, 0.52, 0.47])
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (20, 3))
    expected = [closed_form(point, world_mat, intrinsics, image_size) for point in points]
    means2d, depths = project(Camera.from_imavatar(world_mat, intrinsics, image_size=image_size), points)
    np.testing.assert_allclose(means2d, [pixel for pixel, _ in expected], atol=1e-3)
    np.testing.assert_allclose(depths, [depth for _, depth in expected], atol=1e-5)


def test_the_subjects_left_is_on_the_right_of_the_image_unless_it_is_mirrored():
    world_mat = np.hstack([np.eye(3), [[0.0], [0.0], [-4.0]]])
    for fx, on_the_right in ((-3.0, True), (3.0, False)):
        camera = Camera.from_imavatar(world_mat, [fx, 3.0, 0.5, 0.5], image_size=(100, 100))
        assert (project(camera, [[0.2, 0.0, 0.0]])[0][0, 0] > 50) == on_the_right


def test_to_imavatar_is_the_inverse():
    world_mat = np.hstack([rotation([1, 0, 2], 0.3), [[0.1], [-0.2], [-4.0]]]).astype(np.float32)
    intrinsics = np.array([-3.1, 2.7, 0.5, 0.4], np.float32)
    back = Camera.from_imavatar(world_mat, intrinsics, image_size=(64, 48)).to_imavatar()
    np.testing.assert_allclose(back[0], world_mat, atol=1e-6)
    np.testing.assert_allclose(back[1], intrinsics, rtol=1e-6)


def test_resizing_scales_pixels():
    camera = Camera.from_imavatar(np.eye(3, 4) * 1.0, [-3.0, 3.0, 0.5, 0.5], image_size=(100, 200))
    points = np.array([[0.1, 0.2, -3.0]])
    small, large = project(camera, points)[0], project(camera.resized((300, 400)), points)[0]
    np.testing.assert_allclose(large, small * [2, 3], rtol=1e-5)


def test_wrong_shapes_are_refused():
    with pytest.raises(UserError, match=r"world_mat must have shape \(3, 4\); got \(2, 4\)"):
        Camera.from_imavatar(np.zeros((2, 4)), np.ones(4), image_size=(8, 8))
    with pytest.raises(UserError, match=r"intrinsics must be 4 numbers .* got shape \(3,\)"):
        Camera.from_imavatar(np.zeros((3, 4)), np.ones(3), image_size=(8, 8))


def test_batched_cameras_project_batched_points():
    world_mats = np.stack([np.hstack([np.eye(3), [[0.1 * k], [0.0], [-4.0]]]) for k in range(3)])
    intrinsics = np.tile([-3.0, 3.0, 0.5, 0.5], (3, 1))
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (3, 7, 3))
    batch = Camera.from_imavatar(world_mats, intrinsics, image_size=(64, 64)).resized((32, 32))
    means2d, depths = project(batch, points)
    for k in range(3):
        one = Camera.from_imavatar(world_mats[k], intrinsics[k], image_size=(32, 32))
        expected = project(one, points[k])
        np.testing.assert_allclose(means2d[k], expected[0], atol=1e-4)
        np.testing.assert_allclose(depths[k], expected[1], atol=1e-6)


def test_a_head_unit_looks_larger_from_nearer_at_any_picture_size():
    near, far = (
        Camera.from_imavatar(
            np.hstack([np.eye(3), [[0.0], [0.0], [-distance]]]), [-3.0, 3.0, 0.5, 0.5], image_size=(64, 64)
        )
        for distance in (2.0, 4.0)
    )
    corners = np.array([[0.0, 0.5, 0.0], [0.0, -0.5, 0.0]])
    pixels = np.ptp(project(far, corners)[0][:, 1])
    np.testing.assert_allclose(far.ndc_per_unit(), pixels / 32, rtol=1e-5)
    np.testing.assert_allclose(near.ndc_per_unit(), 2 * far.ndc_per_unit(), rtol=1e-6)
    np.testing.assert_allclose(far.resized((256, 256)).ndc_per_unit(), far.ndc_per_unit(), rtol=1e-6)
