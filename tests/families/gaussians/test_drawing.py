import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.gaussians.drawing import dilation, draw_frame, splat_posed
from pegasus_jax.families.gaussians.posing import PosedGaussians

from . import small


def _one_gaussian(depth=2.0, sigma=0.05):
    return PosedGaussians(
        means=jnp.array([[0.1], [-0.05], [depth]]),
        factors=sigma * jnp.eye(3)[:, :, None],
        opacities=jnp.array([0.9]),
        colours=jnp.array([[1.0], [0.5], [0.25]]),
    )


def test_a_round_gaussian_before_the_camera_is_drawn_in_closed_form():
    intrinsics = jnp.array([60.0, 60.0, 16.0, 16.0])
    out = splat_posed(_one_gaussian(), intrinsics, image_size=(32, 32), blur=0.3)
    centre = np.array([16 + 60 * 0.1 / 2, 16 - 60 * 0.05 / 2])
    tilt = np.array([0.1, -0.05]) / 2.0  # of the view ray: depth adds to the spread across
    covariance = (60 * 0.05 / 2) ** 2 * (np.eye(2) + np.outer(tilt, tilt)) + 0.3 * np.eye(2)
    x, y = np.meshgrid(np.arange(32) + 0.5, np.arange(32) + 0.5)
    offsets = np.stack([x, y], axis=-1) - centre
    alpha = 0.9 * np.exp(-0.5 * np.einsum("hwi,ij,hwj->hw", offsets, np.linalg.inv(covariance), offsets))
    alpha[alpha < 1 / 255] = 0.0
    assert np.allclose(out.alpha, alpha, atol=2e-5)
    assert np.allclose(out.image, alpha[..., None] * [1.0, 0.5, 0.25], atol=2e-5)


@pytest.mark.parametrize("depth", [-1.0, 0.0, 0.05])
def test_what_is_behind_the_camera_or_on_its_plane_is_not_drawn_and_has_finite_gradients(depth):
    intrinsics = jnp.array([60.0, 60.0, 16.0, 16.0])

    def total(posed):
        return jnp.sum(splat_posed(posed, intrinsics, image_size=(32, 32), blur=0.3).image)

    value, gradient = jax.value_and_grad(total)(_one_gaussian(depth))
    assert value == 0.0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_depth_bias_changes_order_and_nothing_else():
    near, far = _one_gaussian(2.0), _one_gaussian(2.001)
    two = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=-1), near, far)
    colours = jnp.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    two = PosedGaussians(two.means, two.factors, two.opacities, colours)
    draw = lambda depth_bias: splat_posed(  # noqa: E731
        two, jnp.array([60.0, 60.0, 16.0, 16.0]), image_size=(32, 32), blur=0.3, depth_bias=jnp.array(depth_bias)
    )
    plain, back = draw([0.0, 0.0]), draw([0.01, 0.0])
    middle = np.unravel_index(np.argmax(plain.alpha), (32, 32))
    assert plain.image[middle][0] > 5 * plain.image[middle][1]
    assert back.image[middle][1] > 5 * back.image[middle][0]
    assert np.allclose(plain.alpha, back.alpha, atol=1e-5)


def test_dilation_is_that_of_3dgs_at_the_size_of_training():
    assert np.isclose(dilation(256, 256), 0.3)
    assert np.isclose(dilation(64, 64), 0.3)


def test_drawn_at_half_the_size_an_avatar_looks_as_its_picture_does_averaged():
    rig, _ = small.rigged(3000)
    params = small.random_params(rig, num_bases=0)
    draw = jax.jit(draw_frame, static_argnames="training_side")
    expression, pose = jnp.zeros(50), jnp.zeros(15)
    large = draw(params, rig, expression, pose, small.camera(128), training_side=128)
    averaged = cv2.resize(np.asarray(large.image), (64, 64), interpolation=cv2.INTER_AREA)
    scaled = draw(params, rig, expression, pose, small.camera(64), training_side=128)
    unscaled = draw(params, rig, expression, pose, small.camera(64), training_side=64)
    error = lambda out: np.sqrt(np.mean((np.asarray(out.image) - averaged) ** 2))  # noqa: E731
    assert error(scaled) < 0.5 * error(unscaled)
