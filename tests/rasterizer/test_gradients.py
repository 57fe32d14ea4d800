"""Gradients, compared as vectors under random cotangents, and against finite differences in float64."""

import jax
import jax.numpy as jnp
import numpy as np

import rasterizer
from tests.rasterizer import cases

fast_backends = cases.backends("xla", "cpu")


def assert_same_vectors(actual: dict, expected: dict) -> None:
    """One direction, one length, and no point that has a gradient on one side only."""
    assert set(actual) == set(expected)
    for name in expected:
        a, e = (np.asarray(g[name], np.float64) for g in (actual, expected))
        assert np.isfinite(a).all(), name
        length = np.linalg.norm(e)
        assert np.linalg.norm(a - e) <= 1e-3 * length, name  # worst seen: 4e-6
        assert np.vdot(a, e) >= 0.9999 * np.linalg.norm(a) * length, name
        largest = np.abs(e).max()
        missing = (np.abs(a) > 1e-4 * largest) != (np.abs(e) > 1e-4 * largest)
        nearly = np.isclose(np.abs(e), 1e-4 * largest, rtol=1e-2)
        assert not (missing & ~nearly).any(), name


@fast_backends
@cases.each_limit
@cases.each_case
def test_gradients_match_the_reference(name, limit, backend):
    arrays = cases.all_cases()[name].arrays()
    expected = cases.pull(arrays, *cases.cotangents(), backend="reference", limit=limit)
    actual = cases.pull(arrays, *cases.cotangents(), backend=backend, limit=limit)
    assert_same_vectors(actual, expected)


@cases.backends("reference", "xla")
def test_gradients_match_finite_differences_in_float64(backend):
    rng = np.random.default_rng(3)
    n, size = 24, (9, 11)
    scene = {
        "means2d": rng.uniform(0, 10, (n, 2)),
        "radii": rng.uniform(0.6, 4, n),
        "features": rng.normal(size=(n, 2)),
        "opacities": rng.uniform(0.1, 0.9, n),
    }
    scene["means2d"][:4], scene["opacities"][:4] = np.arange(1, 5)[:, None] + 0.5, 1.0  # alpha 1 at a centre
    direction = {name: rng.normal(size=value.shape) for name, value in scene.items()}
    d_image = rng.normal(size=(*size, 2))

    def value(step):
        moved = {name: scene[name] + step * direction[name] for name in scene}
        out = rasterizer.splat(
            depths=np.arange(1.0, n + 1), **moved, image_size=size, backend=backend, max_overlaps=2000
        )
        return jnp.sum(out.image * d_image) + jnp.sum(out.alpha)

    _assert_slope(value)


@cases.backends("reference", "xla")
def test_gradients_of_gaussians_match_finite_differences_in_float64(backend):
    """Every Gaussian covers the whole picture, so that no pixel enters or leaves one within the step."""
    rng = np.random.default_rng(4)
    n, size = 6, (5, 7)
    scene = {
        "means2d": rng.uniform(1, 5, (n, 2)),
        "conics": np.stack([rng.uniform(0.01, 0.05, n), rng.uniform(-0.005, 0.005, n), rng.uniform(0.01, 0.05, n)], 1),
        "features": rng.normal(size=(n, 2)),
        "opacities": rng.uniform(0.2, 0.6, n),
    }
    direction = {name: rng.normal(size=value.shape) for name, value in scene.items()}
    direction["conics"] *= 0.01
    d_image = rng.normal(size=(*size, 2))

    def value(step):
        moved = {name: scene[name] + step * direction[name] for name in scene}
        out = rasterizer.splat_gaussians(
            depths=np.arange(1.0, n + 1), **moved, image_size=size, backend=backend, max_overlaps=100
        )
        return jnp.sum(out.image * d_image) + jnp.sum(out.alpha)

    _assert_slope(value)


def _assert_slope(value):
    with jax.enable_x64(True):
        evaluate = jax.jit(jax.value_and_grad(value))
        slope, step = evaluate(0.0)[1], 1e-6
        difference = (evaluate(step)[0] - evaluate(-step)[0]) / (2 * step)
    assert slope.dtype == jnp.float64
    np.testing.assert_allclose(slope, difference, rtol=1e-6)


@cases.backends("reference", "xla", "cpu", cases.INTERPRETED)
def test_where_an_alpha_is_held_its_gaussian_has_no_gradient(backend):
    """An opaque Gaussian on a pixel's centre: alpha is 0.99 there, whatever its opacity and shape."""

    def value(opacity, conic):
        out = rasterizer.splat_gaussians(
            np.full((1, 2), 0.5, np.float32),
            conic[None],
            np.ones(1, np.float32),
            opacity[None],
            np.ones((1, 1), np.float32),
            **cases.options(backend) | {"image_size": (1, 1)},
        )
        return out.alpha[0, 0]

    arguments = (jnp.float32(1.0), jnp.asarray([1.0, 0.0, 1.0], jnp.float32))
    alpha, gradients = jax.value_and_grad(value, argnums=(0, 1))(*arguments)
    np.testing.assert_allclose(alpha, 0.99, rtol=1e-6)
    assert not any(np.any(g) for g in gradients)
    np.testing.assert_allclose(jax.grad(value)(jnp.float32(0.5), arguments[1]), 1.0, rtol=1e-6)


@cases.backends("reference", "xla", "cpu")
def test_gradient_through_an_opaque_point_in_closed_form(backend):
    """Where the front point has alpha 1, its opacity still weighs its own feature against the one behind."""

    @jax.jit
    def value(opacities):
        out = rasterizer.splat(
            np.full((2, 2), 0.5, np.float32),
            np.array([1.0, 2.0], np.float32),
            1.0,
            np.array([[3.0], [5.0]], np.float32),
            image_size=(1, 1),
            opacities=opacities,
            backend=backend,
        )
        return out.image[0, 0, 0]

    np.testing.assert_allclose(jax.grad(value)(np.ones(2, np.float32)), [3.0 - 5.0, 0.0], atol=1e-6)


@fast_backends
def test_many_faint_points_on_one_tile(backend):
    """Enough (point, pixel) hits on one tile that no backend can keep them all at once."""
    arrays = cases.random_case(40, radii=np.full(cases.N, 60.0), opacities=np.full(cases.N, 0.005)).arrays()
    expected = cases.pull(arrays, *cases.cotangents(), backend="reference")
    assert_same_vectors(cases.pull(arrays, *cases.cotangents(), backend=backend), expected)


@cases.backends("reference", "xla", "cpu")
def test_visibility_has_no_gradient(backend):
    arrays = cases.random_case(41).arrays()

    def value(features, opacities):
        out = cases.draw(arrays | {"features": features, "opacities": opacities}, backend=backend)
        return jnp.sum(out.max_weight)

    gradients = jax.grad(value, argnums=(0, 1))(arrays["features"], arrays["opacities"])
    assert not any(np.any(g) for g in gradients)


@cases.backends("cpu")
def test_the_native_backend_repeats_itself_to_the_bit(backend):
    arrays = cases.random_case(42).arrays()
    first, second = (cases.pull(arrays, *cases.cotangents(), backend=backend) for _ in range(2))
    for name, gradient in first.items():
        np.testing.assert_array_equal(gradient, second[name])


@cases.backends("cpu")
def test_a_shared_radius_receives_the_sum(backend):
    arrays = cases.random_case(43).arrays()

    def value(radii):
        return jnp.sum(rasterizer.splat(**(arrays | {"radii": radii}), **cases.options(backend)).alpha)

    gradient = jax.jit(jax.grad(value))
    shared = gradient(jnp.float32(3.0))
    each = gradient(jnp.full(cases.N, 3.0, jnp.float32))
    np.testing.assert_allclose(shared, each.sum(), rtol=1e-4)
