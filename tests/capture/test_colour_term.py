import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from pegasus_jax.capture.colour_term import Appearance, ColourWeights, colour_term, sample
from pegasus_jax.capture.posing import vertex_points

from .synthetic import make_track


@pytest.fixture
def image():
    return np.random.default_rng(0).random((12, 17, 3)).astype(np.float32)


def test_samples_agree_with_scipy_at_pixel_centres_plus_a_half(image):
    positions = np.random.default_rng(1).uniform([0.6, 0.6], [16.4, 11.4], size=(40, 2)).astype(np.float32)
    values, _ = sample(image, positions)
    coordinates = positions[:, ::-1].T - 0.5
    truth = np.stack([map_coordinates(image[..., c], coordinates, order=1) for c in range(3)], axis=1)
    np.testing.assert_allclose(values, truth, atol=1e-5)


def test_slopes_are_the_derivatives_of_the_samples(image):
    positions = np.array([[3.2, 4.7], [10.1, 7.3], [15.8, 1.9]], np.float32)
    _, slopes = sample(image, positions)
    truth = jax.vmap(jax.jacfwd(lambda p: sample(jnp.asarray(image), p[None])[0][0]))(positions)
    np.testing.assert_allclose(slopes, truth, atol=1e-5)


def test_points_beyond_the_border_take_its_value(image):
    values, slopes = sample(image, np.array([[-5.0, -5.0], [50.0, 50.0]], np.float32))
    np.testing.assert_allclose(values, image[[0, -1], [0, -1]], atol=2e-3)
    assert np.isfinite(np.asarray(slopes)).all()


def test_colour_refuses_stages_that_move_the_shape(head):
    track = make_track(1, focal=2.5)
    appearance = Appearance(np.zeros((2, 3)), np.array([[[1.0] * 3, [0.0] * 3]]), np.ones((1, 2)))
    model = vertex_points(head, np.array([3, 9]))
    term = colour_term(model, np.zeros((1, 8, 8, 3), np.float16), appearance, ColourWeights())
    with pytest.raises(ValueError, match="frames' unknowns only"):
        term(track, True)
