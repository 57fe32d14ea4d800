"""Projection of 3D Gaussians: values against a float64 oracle, gradients against finite differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import rasterizer
from tests.rasterizer import projection_oracle as oracle

SIZE = (40, 60)
INTRINSICS = np.array([70.0, 75.0, 28.0, 21.0])
OPTIONS = {"image_size": SIZE}
N = 200


def camera(seed: int = 0, distance: float = 4.0) -> np.ndarray:
    """Looks at the origin from near `distance`, turned a little."""
    turned = Rotation.from_rotvec(np.random.default_rng(seed).normal(size=3) * 0.3).as_matrix()
    return np.column_stack([turned, [0.1, -0.2, distance]])


def cloud(seed: int = 0, n: int = N) -> dict[str, np.ndarray]:
    """Gaussians around the origin: some behind the camera, some beside the image."""
    rng = np.random.default_rng(seed)
    return {
        "means": rng.normal(size=(n, 3)) * [2.0, 2.0, 2.5],
        "quaternions": rng.normal(size=(n, 4)) * rng.uniform(0.1, 10, (n, 1)),
        "scales": np.exp(rng.uniform(-5, 0, (n, 3))),
    }


def project(arrays, T_camera_world=None, intrinsics=INTRINSICS, **options) -> rasterizer.Projections:
    """Of "means" and either "covariances" or "quaternions" and "scales"."""
    view = camera() if T_camera_world is None else T_camera_world
    return _project(arrays, view, intrinsics, tuple(options.items()))


@functools.partial(jax.jit, static_argnums=3)
def _project(arrays, T_camera_world, intrinsics, options):
    call = rasterizer.project_covariances if "covariances" in arrays else rasterizer.project_gaussians
    return call(**arrays, T_camera_world=T_camera_world, intrinsics=intrinsics, **OPTIONS | dict(options))


def assert_as_expected(
    out: rasterizer.Projections, arrays, T_camera_world, intrinsics=INTRINSICS, rtol=1e-3, **options
):
    """Differences are to the size of what is compared: a conic's, or a pixel's."""
    seen = 0
    for i, mean in enumerate(arrays["means"]):
        shape = (
            arrays["covariances"][i]
            if "covariances" in arrays
            else oracle.covariance(arrays["quaternions"][i], arrays["scales"][i])
        )
        expected = oracle.project(mean, shape, T_camera_world, intrinsics, **OPTIONS | options)
        assert bool(out.visible[i]) == (expected is not None)
        if expected is None:
            assert not np.any(out.conics[i]) and not np.any(out.means2d[i]) and not out.radii[i]
            continue
        seen += 1
        mean2d, conic, depth, radius, compensation = expected
        np.testing.assert_allclose(out.means2d[i], mean2d, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(
            out.conics[i], conic[[0, 0, 1], [0, 1, 1]], rtol=rtol, atol=rtol * np.abs(conic).max()
        )
        np.testing.assert_allclose(out.depths[i], depth, rtol=1e-5)
        np.testing.assert_allclose(out.radii[i], radius, rtol=rtol)
        np.testing.assert_allclose(out.compensations[i], compensation, rtol=rtol, atol=rtol)
    assert seen


@pytest.mark.parametrize("options", [{}, {"dilation": 0.0}, {"dilation": 1.5, "near": 3.0}], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_values_match_the_oracle(seed, options):
    out = project(cloud(seed), camera(seed), **options)
    assert 0 < int(np.sum(out.visible)) < N
    assert int(out.degenerate) == 0
    # Worst seen: 2e-4, of a conic without dilation; 5e-5 with it.
    assert_as_expected(out, cloud(seed), camera(seed), **options)


def test_values_match_the_oracle_in_float64():
    with jax.enable_x64(True):
        out = project(cloud())
        assert out.conics.dtype == jnp.float64
        assert_as_expected(out, cloud(), camera(), rtol=1e-8)  # the oracle's differences: 1e-9


def test_a_mirrored_camera_and_one_far_off_its_image_match_the_oracle():
    for intrinsics in ([-70.0, 75.0, 28.0, 21.0], [70.0, 75.0, -300.0, 400.0]):
        assert_as_expected(project(cloud(), intrinsics=np.array(intrinsics)), cloud(), camera(), np.array(intrinsics))


def test_covariances_match_the_oracle_and_any_symmetric_ones_are_projected():
    arrays = cloud(3)
    expected = [oracle.covariance(*pair) for pair in zip(arrays["quaternions"], arrays["scales"])]
    np.testing.assert_allclose(rasterizer.covariances(arrays["quaternions"], arrays["scales"]), expected, atol=1e-6)
    rng = np.random.default_rng(5)
    factors = rng.normal(size=(N, 3, 3)) * 0.2
    sheared = {"means": arrays["means"], "covariances": factors @ factors.transpose(0, 2, 1)}
    assert_as_expected(project(sheared), sheared, camera())


def test_a_round_gaussian_on_the_axis_in_closed_form():
    """Standard deviation s at depth z looks f s / z wide."""
    T = np.eye(4)  # a 4 x 4 matrix does as well
    out = project({"means": [[0, 0, 5.0]], "quaternions": [[1.0, 0, 0, 0]], "scales": [[0.2] * 3]}, T, dilation=0.3)
    variances = (INTRINSICS[:2] * 0.2 / 5) ** 2
    np.testing.assert_allclose(out.means2d[0], INTRINSICS[2:], rtol=1e-6)
    np.testing.assert_allclose(out.conics[0], [1 / (variances[0] + 0.3), 0, 1 / (variances[1] + 0.3)], atol=1e-6)
    np.testing.assert_allclose(out.radii[0], 3 * np.sqrt(variances.max() + 0.3), rtol=1e-6)
    np.testing.assert_allclose(out.compensations[0], np.sqrt(np.prod(variances / (variances + 0.3))), rtol=1e-5)


def test_compensated_opacities_keep_the_light_that_dilation_would_add():
    """The integral of a Gaussian of opacity o is 2 pi o / sqrt(det conic)."""
    out = project(cloud(), dilation=0.3)
    sharp = project(cloud(), dilation=0.0)
    determinants = [c[:, 0] * c[:, 2] - c[:, 1] ** 2 for c in (np.asarray(o.conics, np.float64) for o in (out, sharp))]
    broad = np.asarray(out.visible) & (np.asarray(out.compensations) > 0.05)  # else float32 rounds too much away
    light = [1 / np.sqrt(d[broad]) for d in determinants]
    assert broad.sum() > 50
    np.testing.assert_allclose(out.compensations[broad] * light[0], light[1], rtol=2e-2)


@pytest.mark.parametrize("kind", ["gaussians", "covariances"])
def test_gradients_match_finite_differences_in_float64(kind):
    rng = np.random.default_rng(1)
    arrays = cloud(1, 40)
    if kind == "covariances":
        arrays = {
            "means": arrays["means"],
            "covariances": np.stack([oracle.covariance(*p) for p in zip(arrays["quaternions"], arrays["scales"])]),
        }
    scene = arrays | {"T_camera_world": camera(1), "intrinsics": INTRINSICS}
    weights = {name: rng.normal(size=size) for name, size in SIZES.items()}

    @jax.jit
    def value(step, directions):
        moved = {name: scene[name] + step * directions[name] for name in scene}
        view, intrinsics = moved.pop("T_camera_world"), moved.pop("intrinsics")
        return inner_product(project(moved, view, intrinsics), weights)

    with jax.enable_x64(True):
        slope_of = jax.jit(jax.grad(value))
        for name in scene:
            # Relative to what is there: a scale of .01 may not become negative.
            directions = {key: np.zeros_like(array) for key, array in scene.items()}
            directions[name] = scene[name] * rng.normal(size=scene[name].shape)
            difference = (value(1e-6, directions) - value(-1e-6, directions)) / 2e-6
            np.testing.assert_allclose(slope_of(0.0, directions), difference, rtol=1e-5, err_msg=name)


SIZES = {"means2d": (40, 2), "conics": (40, 3), "depths": (40,), "compensations": (40,)}


@functools.partial(jax.jit, static_argnums=3)
def _gradients(arrays, T_camera_world, intrinsics, dilation=0.3):
    """Of the sum of all that is differentiable."""

    def total(*arguments):
        out = project(*arguments, dilation=dilation)
        return sum(jnp.sum(getattr(out, name)) for name in SIZES)

    return jax.grad(total, argnums=(0, 1, 2))(arrays, T_camera_world, intrinsics)


def inner_product(out: rasterizer.Projections, weights):
    return sum(jnp.sum(getattr(out, name) * weight) for name, weight in weights.items())


BROKEN = {
    "a quaternion of length 0": ("quaternions", [0, 0, 0, 0], 1),
    "a NaN in a quaternion": ("quaternions", [np.nan, 0, 0, 1], 1),
    "a NaN in a mean": ("means", [0, np.nan, 0], 1),
    "an infinite mean": ("means", [0, 0, np.inf], 1),
    "an infinite scale": ("scales", [1, np.inf, 1], 1),
    "a scale whose square overflows": ("scales", [1, 1e30, 1], 1),
    "a mean on the camera's plane": ("means", [0, 0, -5.0], 0),
    "a mean behind the camera": ("means", [0, 0, -50.0], 0),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_drawn_is_left_out_counted_and_has_no_gradient(what):
    name, value, counted = BROKEN[what]
    view = np.column_stack([np.eye(3), [0, 0, 5.0]])
    arrays = {key: np.asarray(array, np.float32) for key, array in cloud(2, 40).items()}
    arrays["means"] *= 0.3
    clean = project(arrays, view)
    broken = {key: array.copy() for key, array in arrays.items()}
    broken[name][7] = value
    out = project(broken, view)
    assert int(clean.degenerate) == 0 and bool(clean.visible[7])
    assert int(out.degenerate) == counted and not bool(out.visible[7])
    others = np.arange(40) != 7
    for field in ("means2d", "conics", "depths", "radii", "compensations"):
        assert np.isfinite(getattr(out, field)).all()
        np.testing.assert_array_equal(getattr(out, field)[others], getattr(clean, field)[others])
    gradients = _gradients(broken, view, INTRINSICS)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))
    assert all(not np.any(gradients[0][key][7]) for key in arrays)


def test_points_and_flat_gaussians_are_drawn_if_dilated_else_counted():
    arrays = {
        "means": np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.2, 0]]),
        "quaternions": np.array([[1.0, 0, 0, 0]] * 3),
        "scales": np.array([[0.0, 0, 0], [0.3, 0, 0], [0.3, 0.3, 0]]),
    }
    view = np.column_stack([np.eye(3), [0, 0, 5.0]])
    out = project(arrays, view)
    assert out.visible.all() and int(out.degenerate) == 0
    np.testing.assert_allclose(out.conics[0], [1 / 0.3, 0, 1 / 0.3], rtol=1e-6)
    np.testing.assert_allclose(out.compensations[:2], 0, atol=1e-6)
    sharp = project(arrays, view, dilation=0.0)
    np.testing.assert_array_equal(sharp.visible, [False, False, True])
    assert int(sharp.degenerate) == 2
    for dilation in (0.0, 0.3):
        slopes = _gradients(arrays, view, INTRINSICS, dilation)
        assert all(np.isfinite(s).all() for s in jax.tree.leaves(slopes))


def test_cameras_are_batched_by_vmap():
    views = np.stack([camera(seed) for seed in range(3)]).astype(np.float32)
    intrinsics = np.stack([INTRINSICS * scale for scale in (0.8, 1.0, 1.2)]).astype(np.float32)
    arrays = cloud()
    together = jax.jit(jax.vmap(functools.partial(project, arrays)))(views, intrinsics)
    for i in range(3):
        apart = project(arrays, views[i], intrinsics[i])
        np.testing.assert_array_equal(together.visible[i], apart.visible)
        np.testing.assert_allclose(together.means2d[i], apart.means2d, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(together.conics[i], apart.conics, rtol=1e-3, atol=1e-5)


def test_a_picture_does_not_change_when_the_world_turns_with_its_camera():
    arrays = {key: np.asarray(array, np.float32) for key, array in cloud(6).items()}
    turn = Rotation.from_rotvec([0.4, -1.0, 0.3])
    w_last = arrays["quaternions"][:, [1, 2, 3, 0]]
    turned = {
        "means": turn.apply(arrays["means"]),
        "quaternions": (turn * Rotation.from_quat(w_last)).as_quat()[:, [3, 0, 1, 2]],
        "scales": arrays["scales"],
    }
    view = camera(6)
    turned_view = np.column_stack([view[:, :3] @ turn.as_matrix().T, view[:, 3]])
    opacities, colours = np.full(N, 0.6, np.float32), np.random.default_rng(0).uniform(size=(N, 3)).astype(np.float32)

    def picture(arrays, view):
        out = project(arrays, view)
        return rasterizer.splat_gaussians(out.means2d, out.conics, out.depths, opacities, colours, image_size=SIZE)

    first, second = picture(arrays, view), picture(turned, turned_view)
    assert float(first.alpha.max()) > 0.5 and int(first.nonfinite) == 0
    np.testing.assert_allclose(first.image, second.image, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"means": np.zeros((3, 2))}, r"means must have shape \(N, 3\), x, y, z; got \(3, 2\)\."),
        ({"quaternions": np.zeros((3, 3))}, r"quaternions must have shape \(N, 4\), w, x, y, z; got \(3, 3\)\."),
        ({"scales": np.zeros((2, 3))}, r"scales must have shape \(3, 3\), one per axis; got \(2, 3\)\."),
        ({"quaternions": np.ones((2, 4)), "scales": np.ones((2, 3))}, r"covariances must have shape \(3, 3, 3\)"),
        ({"T_camera_world": np.zeros((3, 3))}, r"T_camera_world must have shape \(3, 4\) or \(4, 4\); got \(3, 3\)\."),
        ({"intrinsics": np.zeros((3, 3))}, r"intrinsics must have shape \(4,\): fx, fy, cx, cy; got \(3, 3\)\."),
        ({"dilation": -1.0}, r"dilation must be at least 0 and near above 0; got -1\.0 and 0\.2\."),
        ({"near": 0.0}, r"dilation must be at least 0 and near above 0; got 0\.3 and 0\.0\."),
        ({"image_size": 4}, r"image_size must be two whole numbers \(H, W\); got 4\."),
    ],
)
def test_a_wrong_argument_is_named(wrong, sentence):
    good = cloud(0, 3) | {"T_camera_world": camera(), "intrinsics": INTRINSICS} | OPTIONS
    with pytest.raises(ValueError, match=sentence):
        rasterizer.project_gaussians(**(good | wrong))
