"""The losses of spec section 7 against their formulas in float64 NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core import metrics
from pegasus_jax.families.free_points import flame_term
from pegasus_jax.families.free_points.head_space import MOUTH_INTERIOR
from pegasus_jax.families.points import losses

RNG = np.random.default_rng(0)
IMAGE, TARGET = RNG.random((2, 2, 14, 16, 3)).astype(np.float32)
ALIVE = np.array([True, False, True, True, False])


def test_colour_distance_is_weighted_frame_by_frame():
    weight = (1 + RNG.random((2, 14, 16))).astype(np.float32)
    error = np.abs(IMAGE.astype(float) - TARGET).mean(axis=-1)
    expected = np.mean([np.sum(w * e) / np.sum(w) for w, e in zip(weight.astype(float), error)])
    assert losses.weighted_l1(IMAGE, TARGET, weight) == pytest.approx(expected, rel=1e-5)
    plain = losses.weighted_l1(IMAGE, TARGET, jnp.full((2, 14, 16), 3.0))
    assert plain == pytest.approx(error.mean(), rel=1e-5), "weights alone do not scale the loss"


def test_matte_distance():
    assert losses.mask_l1(IMAGE[..., 0], TARGET[..., 0]) == pytest.approx(
        np.abs(IMAGE[..., 0].astype(float) - TARGET[..., 0]).mean(), rel=1e-5
    )


def test_structural_term_is_half_of_one_minus_ssim():
    expected = np.mean([(1 - float(metrics.ssim(a, b))) / 2 for a, b in zip(IMAGE, TARGET)])
    assert losses.structural(IMAGE, TARGET) == pytest.approx(expected, rel=1e-4)
    assert losses.structural(IMAGE, IMAGE) == pytest.approx(0.0, abs=1e-6)


def test_segmentation_is_binary_cross_entropy_of_logits():
    logits, mask = 3 * RNG.normal(size=(2, 8, 8)), RNG.random((2, 8, 8))
    p = 1 / (1 + np.exp(-logits))
    expected = -np.mean(mask * np.log(p) + (1 - mask) * np.log(1 - p))
    got = losses.segmentation_bce(jnp.asarray(logits, jnp.float32), jnp.asarray(mask, jnp.float32))
    assert got == pytest.approx(expected, rel=1e-5)
    assert losses.segmentation_bce(jnp.zeros((4, 4)), jnp.zeros((4, 4))) == pytest.approx(np.log(2))


def test_point_terms_average_over_living_points():
    sdf, gradients = RNG.normal(size=5), RNG.normal(size=(5, 3))
    got = losses.sdf_consistency(jnp.asarray(sdf, jnp.float32), ALIVE)
    assert got == pytest.approx(np.mean(sdf[ALIVE] ** 2), rel=1e-5)
    expected = np.mean((np.linalg.norm(gradients[ALIVE], axis=1) - 1) ** 2)
    assert losses.eikonal(jnp.asarray(gradients, jnp.float32), ALIVE) == pytest.approx(expected, rel=1e-5)


def test_flame_regularisation_is_the_published_sum():
    w, p, e = RNG.normal(size=(5, 6)), RNG.normal(size=(5, 36, 3)), RNG.normal(size=(5, 3, 50))
    variance = 0.1 + RNG.random(50)
    expected = (
        0.1 * np.mean(w[ALIVE] ** 2)
        + 10 * np.mean((10 * p[ALIVE]) ** 2)
        + 10 * np.mean((10 * e[ALIVE]) ** 2 / (50 * variance))
    )
    arrays = [jnp.asarray(a, jnp.float32) for a in (w, p, e, variance)]
    assert flame_term.flame_regularisation(*arrays, jnp.asarray(ALIVE)) == pytest.approx(expected, rel=1e-5)


def test_leash_is_the_squared_excess_over_what_the_surface_allows():
    surface = losses.Surface(
        vertices=jnp.tile(jnp.array([1.0, 0.0, 0.0]), (6, 1)),
        normals=jnp.tile(jnp.array([0.0, 0.0, 1.0]), (6, 1)),
        reach=jnp.array([0.03, 0.03, 0.03, jnp.inf, 0.03, 0.03]),
        height=jnp.array([0.05, 0.05, 0.05, jnp.inf, 0.05, 0.05]),
        depth=jnp.array([0.0, 0.0, 0.0, 0.0, 0.007, 0.007]),
    )
    offset = np.array(
        [
            [0.01, 0.02, 0.04],  # inside every limit
            [0.0, 0.0, 0.09],  # 0.04 too high
            [0.03, 0.04, 0.0],  # 0.02 beyond the reach
            [0.4, 0.3, 0.5],  # hair is free upwards and sideways
            [0.0, 0.0, -0.029],  # 0.02 below what the skin allows to this point
            [9.0, 9.0, 9.0],  # follows no part
        ]
    )
    part = jnp.array([0, 1, 2, 0, 0, -1])
    x = jnp.asarray(np.asarray(surface.vertices) + offset, jnp.float32)
    value, gradient = jax.value_and_grad(losses.leash)(x, surface, part, jnp.ones(6, bool))
    assert value == pytest.approx((0.04**2 + 0.02**2 + 0.02**2) / 5 / losses.LEASH_UNIT**2, rel=1e-3)
    pulled = 2 / 5 / losses.LEASH_UNIT**2 * np.array([[0, 0, 0.04], [0.012, 0.016, 0], [0, 0, -0.02]])
    np.testing.assert_allclose(gradient[jnp.array([1, 2, 4])], pulled, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(gradient[jnp.array([0, 3, 5])], 0.0)
    assert losses.leash(x, surface, part, jnp.zeros(6, bool)) == 0.0


def test_latent_prior_counts_the_constant_entries():
    assert losses.latent_prior(jnp.asarray([1.0, 0.0, 0.5, 0.5])) == pytest.approx(1.5 / 4)


@pytest.mark.parametrize("alive", [np.ones(4, bool), np.zeros(4, bool)], ids=["living", "no_point_alive"])
def test_gradients_are_finite_where_the_field_is_flat_and_where_nothing_lives(alive):
    zeros = jnp.zeros((4, 3))
    value, gradient = jax.value_and_grad(losses.eikonal)(zeros, jnp.asarray(alive))
    assert value == (1.0 if alive.any() else 0.0)
    assert jnp.isfinite(gradient).all()
    w, p, e = jnp.zeros((4, 6)), jnp.zeros((4, 36, 3)), jnp.zeros((4, 3, 50))
    terms = flame_term.flame_regularisation
    gradients = jax.grad(terms, argnums=(0, 1, 2))(w, p, e, jnp.ones(50), jnp.asarray(alive))
    assert all(jnp.isfinite(g).all() for g in gradients)
    assert jnp.isfinite(jax.grad(losses.sdf_consistency)(jnp.zeros(4), jnp.asarray(alive))).all()


def test_dead_points_get_no_gradient():
    sdf = jnp.asarray([1.0, 5.0, 2.0, 0.0, 7.0])
    value, gradient = jax.value_and_grad(losses.sdf_consistency)(sdf, jnp.asarray(ALIVE))
    assert value == pytest.approx(5 / 3)
    np.testing.assert_allclose(gradient, [2 / 3, 0.0, 4 / 3, 0.0, 0.0])


def test_only_living_points_inside_the_mouth_are_drawn_to_the_dark():
    albedo = jnp.asarray([[0.9] * 3, [0.5] * 3, [0.3, 0.6, 0.0], [0.7] * 3])
    part, alive = jnp.asarray([0, 1, MOUTH_INTERIOR, MOUTH_INTERIOR]), jnp.asarray([True, True, True, False])
    assert losses.unseen_dark(albedo, part, alive) == pytest.approx((0.09 + 0.36) / 3)
    gradient = jax.grad(losses.unseen_dark)(albedo, part, alive)
    assert np.flatnonzero(np.any(np.asarray(gradient) != 0, axis=1)).tolist() == [2]


def test_normals_of_one_blended_picture_ask_for_what_the_two_published_terms_do():
    ours, target, donor = RNG.random((3, 2, 8, 8, 3))
    matte, part = RNG.random((2, 8, 8)), RNG.integers(0, 2, (2, 8, 8)).astype(float)
    m, white = part[..., None], 1 - matte[..., None]

    def outside(n):
        return matte[..., None] * ((1 - m) * n + m) + white

    def inside(n):
        return matte[..., None] * (m * n + (1 - m)) + white

    published = [
        np.abs(term(ours) - term(other)).mean(axis=(1, 2, 3)) for term, other in ((outside, target), (inside, donor))
    ]
    blended = (1 - m) * target + m * donor
    arrays = [jnp.asarray(a, jnp.float32) for a in (ours, blended, matte)]
    assert losses.normal_l1(*arrays, np.array([True, True])) == pytest.approx(np.sum(published) / 2, rel=1e-5)
    assert losses.normal_l1(*arrays, np.array([False, True])) == pytest.approx(
        (published[0][1] + published[1][1]) / 2, rel=1e-5
    ), "a frame without a picture of normals adds nothing, and changes nothing for the others"
    gradient = jax.grad(losses.normal_l1)(*arrays, np.array([False, True]))
    assert not np.any(gradient[0]) and np.any(gradient[1])


def test_light_is_drawn_to_what_leaves_a_colour_as_it_is_on_average_and_may_vary_with_the_normal():
    shading = jnp.asarray([[0.9, 0.5, 0.1], [0.1, 0.5, 0.5]])
    value, gradient = jax.value_and_grad(losses.coloured_light)(shading)
    assert value == pytest.approx(0.2**2)
    np.testing.assert_allclose(gradient, [[0.0, 0.0, -0.2], [0.0, 0.0, -0.2]], atol=1e-6)


def test_missing_counts_what_a_mask_lacks_and_not_what_it_has_too_much():
    alpha, matte = jnp.asarray([[[0.2, 1.0, 0.6, 0.0]]]), jnp.asarray([[[1.0, 0.0, 0.6, 0.4]]])
    value, gradient = jax.value_and_grad(losses.missing)(alpha, matte)
    assert value == pytest.approx((0.8 + 0.4) / 4)
    np.testing.assert_allclose(gradient, [[[-0.25, 0.0, 0.0, -0.25]]])
