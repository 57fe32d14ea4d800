"""Values: one set of cases through every backend."""

import functools

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rasterizer
from tests.rasterizer import cases, oracle

every_backend = cases.backends("reference", "xla", "cpu")
fast_backends = cases.backends("xla", "cpu")


@functools.cache
def _expected(name: str, limit: int | None):
    return oracle.splat(**cases.all_cases()[name].arrays(), image_size=cases.SIZE, limit=limit)


def _assert_same(out: rasterizer.Splats, expected) -> None:
    image, alpha, max_weight, is_front, nonfinite = expected
    np.testing.assert_allclose(out.image, image, atol=1e-5)
    np.testing.assert_allclose(out.alpha, alpha, atol=1e-5)
    np.testing.assert_allclose(out.max_weight, max_weight, atol=1e-5)
    np.testing.assert_array_equal(out.is_front, is_front)
    assert int(out.nonfinite) == nonfinite
    assert int(out.overflow) == 0


@every_backend
@cases.each_limit
@cases.each_case
def test_values_match_the_oracle(name, limit, backend):
    out = cases.draw(cases.all_cases()[name].arrays(), backend=backend, limit=limit)
    _assert_same(out, _expected(name, limit))


@every_backend
def test_a_drawn_picture_in_closed_form(backend):
    """Two discs of radius 2 and opacity 1/2 at the centre of 5 x 5; the nearer one is red, the other green."""
    out = rasterizer.splat(
        np.full((2, 2), 2.5, np.float32),
        np.array([2.0, 1.0], np.float32),
        2.0,
        np.array([[0, 1], [1, 0]], np.float32),
        image_size=(5, 5),
        opacities=np.array([0.5, 0.5], np.float32),
        backend=backend,
    )
    # Squared distances 0, 1, 2 from the centre give alpha 1/2, 3/8, 1/4; 4 and more give none.
    ring = np.array([[0, 0, 0, 0, 0], [0, 2, 3, 2, 0], [0, 3, 4, 3, 0], [0, 2, 3, 2, 0], [0, 0, 0, 0, 0]]) / 8
    np.testing.assert_allclose(out.image[..., 0], ring, atol=1e-7)
    np.testing.assert_allclose(out.image[..., 1], (1 - ring) * ring, atol=1e-7)
    np.testing.assert_allclose(out.alpha, 1 - (1 - ring) ** 2, atol=1e-7)
    np.testing.assert_allclose(out.max_weight, [0.25, 0.5], atol=1e-7)
    np.testing.assert_array_equal(out.is_front, [False, True])


@every_backend
def test_gaussians_in_closed_form(backend):
    """The nearer one stretches along y, and both are cut where alpha falls below 1/255."""
    out = rasterizer.splat_gaussians(
        np.full((2, 2), 4.5, np.float32),
        np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 0.5]], np.float32),
        np.array([2.0, 1.0], np.float32),
        np.array([0.6, 0.8], np.float32),
        np.array([[0, 1], [1, 0]], np.float32),
        image_size=(9, 9),
        backend=backend,
    )
    y, x = np.mgrid[:9, :9] - 4.0
    near, far = 0.8 * np.exp(-(2 * x**2 + 0.5 * y**2) / 2), 0.6 * np.exp(-(x**2 + y**2) / 2)
    near, far = (np.where(alpha >= 1 / 255, alpha, 0) for alpha in (near, far))
    np.testing.assert_allclose(out.image[..., 0], near, atol=1e-6)
    np.testing.assert_allclose(out.image[..., 1], (1 - near) * far, atol=1e-6)
    np.testing.assert_allclose(out.max_weight, [np.max((1 - near) * far), 0.8], atol=1e-6)


@every_backend
@pytest.mark.parametrize(("opacity", "drawn"), [(0.1, True), (0.9, False)])
def test_the_gaussian_that_would_leave_a_pixel_below_the_limit_ends_it(opacity, drawn, backend):
    """Behind alphas of 0.98 and 0.99, 2e-4 of the light is left: 0.1 of it may go, 0.9 may not."""
    n = 4
    out = rasterizer.splat_gaussians(
        np.full((n, 2), 0.5, np.float32),
        np.tile(np.array([[1.0, 0.0, 1.0]], np.float32), (n, 1)),
        np.arange(1, n + 1, dtype=np.float32),
        np.array([0.98, 0.99, opacity, 0.05], np.float32),
        np.eye(n, dtype=np.float32),
        image_size=(1, 1),
        backend=backend,
    )
    third = 2e-4 * opacity if drawn else 0.0
    fourth = (2e-4 - third) * 0.05 if drawn else 0.0
    np.testing.assert_allclose(out.image[0, 0], [0.98, 0.02 * 0.99, third, fourth], rtol=1e-4, atol=1e-8)


@every_backend
@pytest.mark.parametrize("row_col", [(0, 0), (3, 1), (4, 6)])
def test_a_pixel_has_its_centre_at_a_half(row_col, backend):
    row, col = row_col
    mean = np.array([[col + 0.5, row + 0.5]], np.float32)
    one = np.ones(1, np.float32)
    out = rasterizer.splat(mean, one, 0.9, one[:, None], image_size=(5, 7), backend=backend)
    expected = np.zeros((5, 7))
    expected[row, col] = 1
    np.testing.assert_allclose(out.alpha, expected, atol=1e-7)


@every_backend
def test_no_points_is_an_empty_picture(backend):
    none = np.zeros(0, np.float32)
    out = rasterizer.splat(
        np.zeros((0, 2), np.float32), none, none, np.zeros((0, 3), np.float32), image_size=(4, 6), backend=backend
    )
    np.testing.assert_array_equal(out.image, np.zeros((4, 6, 3)))
    assert out.max_weight.shape == out.is_front.shape == (0,)


@every_backend
@pytest.mark.parametrize("field", ["means2d", "depths", "radii", "features", "opacities"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_point_that_is_not_finite_is_skipped_and_counted(field, bad, backend):
    arrays = cases.random_case(20).arrays()
    broken = {name: array.copy() for name, array in arrays.items()}
    broken[field].reshape(cases.N, -1)[[3, 50], -1] = bad
    removed = arrays | {"alive": ~np.isin(np.arange(cases.N), [3, 50])}
    out = cases.draw(broken, backend=backend)
    expected = cases.draw(removed, backend=backend)
    np.testing.assert_array_equal(out.image, expected.image)
    assert int(out.nonfinite) == 2
    assert int(cases.draw(broken | {"alive": removed["alive"]}, backend=backend).nonfinite) == 0
    gradients = cases.pull(broken, *cases.cotangents(), backend=backend)
    assert all(np.isfinite(g).all() for g in gradients.values())
    assert all(not np.any(g[3]) for g in gradients.values())


@fast_backends
@hypothesis.settings(max_examples=15, deadline=None, derandomize=True)
@hypothesis.given(data=st.data())
def test_any_scene_matches_the_oracle(backend, data):
    """Coarse numbers make coincidences (equal depths, pixels exactly on an edge) likely."""

    def draw(shape, low, high):
        values = st.integers(4 * low, 4 * high).map(lambda quarters: quarters / 4)
        return data.draw(hnp.arrays(np.float32, shape, elements=values, fill=values))

    case = cases.random_case(
        means2d=draw((cases.N, 2), -3, 40),
        depths=draw(cases.N, -1, 3),
        radii=draw(cases.N, 0, 9),
        opacities=draw(cases.N, 0, 1),
        alive=data.draw(hnp.arrays(bool, cases.N)),
    )
    expected = oracle.splat(**case.arrays(), image_size=cases.SIZE)
    _assert_same(cases.draw(case.arrays(), backend=backend), expected)


def test_pairs_beyond_the_capacity_are_counted():
    case = cases.random_case(30)
    full = rasterizer.splat(**case.arrays(), image_size=cases.SIZE, backend="xla", max_overlaps=cases.MAX_OVERLAPS)
    short = rasterizer.splat(**case.arrays(), image_size=cases.SIZE, backend="xla", max_overlaps=100)
    low, high = (np.clip(np.floor((case.means2d + sign * case.radii[:, None]) / 8), 0, [5, 3]) for sign in (-1, 1))
    high = np.clip(np.floor((case.means2d + case.radii[:, None]) / 8) + 1, 0, [5, 3])
    assert int(short.overflow) == np.prod(high - low, axis=1).sum() - 100
    assert int(full.overflow) == 0
    nearest = np.argsort(case.depths)[0]
    assert float(short.max_weight[nearest]) == float(full.max_weight[nearest])  # the farthest go first


@fast_backends
def test_a_large_image_and_its_gradient_need_no_array_of_points_by_pixels(backend):
    """2000 points on 1024 x 1024 pixels would take 8 GiB."""
    rng = np.random.default_rng(0)
    arrays = (rng.uniform(0, 1024, (2000, 2)), np.ones(2000), np.full(2000, 3.0), np.ones((2000, 1)))
    arrays = [a.astype(np.float32) for a in arrays]
    drawing = functools.partial(rasterizer.splat, image_size=(1024, 1024), max_overlaps=8000, backend=backend)
    gradient = jax.grad(lambda *arrays: jnp.sum(drawing(*arrays).image ** 2), argnums=(0, 2, 3))
    for function in (drawing, gradient):
        analysis = jax.jit(function).lower(*arrays).compile().memory_analysis()
        assert analysis.temp_size_in_bytes < 64 * 2**20
    assert float(jax.jit(drawing)(*arrays).alpha.max()) > 0.5
