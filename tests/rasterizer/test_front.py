"""What a caller meets when something is wrong, and what can be known without being told."""

import inspect
import logging
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rasterizer
from rasterizer.cpu import backend as native

GOOD = {
    "means2d": np.zeros((3, 2), np.float32),
    "depths": np.ones(3, np.float32),
    "radii": 1.0,
    "features": np.ones((3, 4), np.float32),
    "image_size": (8, 8),
}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"means2d": np.zeros((3, 3))}, r"means2d must have shape \(N, 2\); got \(3, 3\)\."),
        ({"depths": np.ones(2)}, r"depths must have shape \(3,\), one per point; got \(2,\)\."),
        ({"radii": np.ones(2)}, r"radii must be one number or have shape \(3,\), one per point; got \(2,\)\."),
        ({"features": np.ones(3)}, r"features must have shape \(3, C\) with C >= 1; got \(3,\)\."),
        ({"features": np.ones((3, 0))}, r"features must have shape \(3, C\) with C >= 1; got \(3, 0\)\."),
        ({"opacities": np.ones((3, 1))}, r"opacities must have shape \(3,\), one per point; got \(3, 1\)\."),
        ({"alive": np.ones(3)}, r"alive must be boolean; got float32\."),
        ({"alive": np.ones(4, bool)}, r"alive must have shape \(3,\), one per point; got \(4,\)\."),
        ({"image_size": (0, 8)}, r"image_size must be at least \(1, 1\); got \(0, 8\)\."),
        ({"image_size": 8}, r"image_size must be two whole numbers \(H, W\); got 8\."),
        ({"max_points_per_pixel": 0}, r"max_points_per_pixel must be a whole number of at least 1, or None; got 0\."),
        ({"max_overlaps": 2.5}, r"max_overlaps must be a whole number of at least 1, or None; got 2\.5\."),
        ({"lowering": "ptx"}, r"lowering must be one of mosaic, triton, interpret, or None; got 'ptx'\."),
        ({"backend": "opengl"}, r"backend must be one of auto, reference, xla, cpu.*; got 'opengl'\."),
    ],
)
def test_a_wrong_argument_is_named(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        rasterizer.splat(**(GOOD | wrong))


def test_wrong_conics_are_named():
    arrays = {name: array for name, array in GOOD.items() if name != "radii"} | {"opacities": np.ones(3, np.float32)}
    with pytest.raises(ValueError, match=r"conics must have shape \(3, 3\), \(a, b, c\) per point; got \(3, 2\)\."):
        rasterizer.splat_gaussians(**arrays, conics=np.ones((3, 2)))


def test_conics_that_are_not_definite_or_too_faint_are_skipped_and_broken_ones_counted():
    conics = np.array([[1, 0, 1], [-1, 0, 1], [1, 2, 1], [np.nan, 0, 1], [1, 0, 1]], np.float32)
    opacities = np.array([0.5, 0.5, 0.5, 0.5, 0.003], np.float32)
    means2d = np.full((5, 2), 2.5, np.float32)
    out = rasterizer.splat_gaussians(
        means2d, conics, np.ones(5, np.float32), opacities, np.ones((5, 1), np.float32), image_size=(5, 5)
    )
    np.testing.assert_allclose(out.max_weight, [0.5, 0, 0, 0, 0], atol=1e-6)
    assert int(out.nonfinite) == 1


def test_traced_radii_need_a_capacity():
    n = 2000
    points = {"means2d": jnp.zeros((n, 2)), "depths": jnp.ones(n), "features": jnp.ones((n, 1))}

    def draw(radii, **options):
        return rasterizer.splat(**points, radii=radii, image_size=(256, 256), **options)

    with pytest.raises(ValueError, match=r"max_overlaps is needed: the points' sizes are traced.*max_overlaps=8000"):
        jax.eval_shape(lambda radii: draw(radii, backend="xla"), jnp.ones(n))
    out = jax.eval_shape(lambda radii: draw(radii, backend="xla", max_overlaps=8000), jnp.ones(n))
    assert out.image.shape == (256, 256, 1)


@pytest.mark.parametrize("radius", [0.4, 3.0, 4.0, 40.0])
def test_the_capacity_from_concrete_radii_is_enough(radius):
    n = 50
    means2d = np.random.default_rng(0).uniform(-5, 45, (n, 2)).astype(np.float32)
    means2d[0] = [8.0, 8.0]  # the corner of four tiles
    points = {"means2d": means2d, "depths": np.ones(n, np.float32), "features": np.ones((n, 1), np.float32)}
    draw = jax.jit(lambda means2d: rasterizer.splat(**points, radii=radius, image_size=(40, 40), backend="xla"))
    assert int(draw(means2d).overflow) == 0


def test_the_native_backend_refuses_float64(monkeypatch):
    monkeypatch.setattr(native, "_load", lambda: None)
    with jax.enable_x64(True), pytest.raises(ValueError, match="cpu backend computes in float32 only; got float64"):
        rasterizer.splat(**(GOOD | {"means2d": np.zeros((3, 2))}), backend="cpu")


def test_without_a_compiler_auto_draws_and_cpu_says_why(monkeypatch, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.delenv("RASTERIZER_BACKEND", raising=False)
    native.problem.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            out = rasterizer.splat(**GOOD)
        assert out.image.shape == (8, 8, 4)
        assert "no-such-compiler, was not found" in caplog.text
        with pytest.raises(ValueError, match=r"cpu backend cannot run here: the compiler named by \$CXX"):
            rasterizer.splat(**GOOD, backend="cpu")
    finally:
        native.problem.cache_clear()


def test_the_environment_says_what_auto_stands_for(monkeypatch):
    def program(backend: str) -> str:
        def draw(means2d):
            return rasterizer.splat(**(GOOD | {"means2d": means2d}), backend=backend).image

        return str(jax.make_jaxpr(draw)(GOOD["means2d"]))

    monkeypatch.setenv("RASTERIZER_BACKEND", "xla")
    assert program("auto") == program("xla") != program("reference")
    monkeypatch.setenv("RASTERIZER_BACKEND", "")
    assert program("auto") != program("xla"), "it has a branch for each platform"
    monkeypatch.setenv("RASTERIZER_BACKEND", "opengl")
    with pytest.raises(ValueError, match=r"got 'opengl'\."):
        program("auto")


def test_options_come_after_the_star():
    for name in ("splat", "splat_gaussians", "project_gaussians", "project_covariances", "backend_problem"):
        assert not inspect.getfullargspec(getattr(rasterizer, name)).defaults


def test_the_package_stands_alone():
    """It must be possible to publish it without the rest."""
    sources = [path.read_text() for path in pathlib.Path(inspect.getfile(rasterizer)).parent.rglob("*.py")]
    assert not any("import pegasus_jax" in source or "from pegasus_jax" in source for source in sources)
