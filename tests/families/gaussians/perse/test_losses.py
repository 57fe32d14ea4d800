"""PERSE's losses: SSIM with zeros beyond the picture, and a head term that moves no point."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from pegasus_jax.core import latents
from pegasus_jax.families.free_points.head_space import ANY_PART, nearest_vertices
from pegasus_jax.families.gaussians.perse import losses

from .test_posing import POINTS, networks, space  # noqa: F401


def _ssim_of_a_channel(x, y):
    """Wang et al. 2004 with an 11x11 window of sigma 1.5, and zeros beyond the picture."""

    def blur(image):
        return scipy.ndimage.gaussian_filter(image, 1.5, mode="constant", truncate=5 / 1.5)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def test_dissimilarity_is_that_of_a_window_with_zeros_beyond_the_picture():
    x, y = np.random.default_rng(0).random((2, 2, 16, 20, 3))
    expected = 1 - np.mean([_ssim_of_a_channel(x[b, ..., c], y[b, ..., c]) for b in range(2) for c in range(3)])
    found = losses.dissimilarity(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32))
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert losses.dissimilarity(jnp.asarray(x, jnp.float32), jnp.asarray(x, jnp.float32)) < 1e-5


def test_the_head_term_trains_networks_and_moves_no_point(space):  # noqa: F811
    model = networks(noise=0.05)
    z = latents.flatten(model.latents.latent(), categories=model.config.categories)
    nearest = nearest_vertices(space, POINTS, jnp.full(len(POINTS), ANY_PART))

    def term(points):
        return losses.flame_term(model, space, points, z, nearest, jnp.ones(50))

    assert term(POINTS) > 0.0
    np.testing.assert_array_equal(jax.grad(term)(POINTS), 0.0)
