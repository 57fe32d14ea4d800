"""The Pallas kernels: interpreted here, and lowered for GPUs that need not be here."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rasterizer
from tests.rasterizer import cases
from tests.rasterizer.test_gradients import assert_same_vectors

LOWERINGS = ("mosaic", "triton")
each_lowering = pytest.mark.parametrize("lowering", LOWERINGS)


_LIMITED = ("random", "ties", "crowded", "gaussians", "gaussians_crowded")


@pytest.mark.parametrize(
    ("name", "limit"), [*((name, None) for name in cases.all_cases()), *((n, 3) for n in _LIMITED)]
)
def test_the_interpreted_kernels_equal_the_reference(name, limit):
    arrays = cases.all_cases()[name].arrays()
    out = cases.draw(arrays, backend=cases.INTERPRETED, limit=limit)
    expected = cases.draw(arrays, backend="reference", limit=limit)
    np.testing.assert_allclose(out.image, expected.image, atol=1e-5)
    np.testing.assert_allclose(out.alpha, expected.alpha, atol=1e-5)
    np.testing.assert_allclose(out.max_weight, expected.max_weight, atol=1e-5)
    np.testing.assert_array_equal(out.is_front, expected.is_front)
    assert int(out.overflow) == 0
    actual = cases.pull(arrays, *cases.cotangents(), backend=cases.INTERPRETED, limit=limit)
    assert_same_vectors(actual, cases.pull(arrays, *cases.cotangents(), backend="reference", limit=limit))


def test_a_batch_equals_its_images():
    shifts = np.linspace(0, 2, 3, dtype=np.float32)
    arrays = cases.random_case(50).arrays()

    def alpha(shift):
        moved = arrays | {"means2d": arrays["means2d"] + shift}
        return cases.call(moved, **cases.options(cases.INTERPRETED)).alpha

    together = jax.jit(jax.vmap(alpha))(shifts)
    for shift, image in zip(shifts, together):
        moved = arrays | {"means2d": arrays["means2d"] + shift}
        np.testing.assert_allclose(image, cases.draw(moved, backend=cases.INTERPRETED).alpha, atol=1e-6)


@each_lowering
@pytest.mark.parametrize("kind", ["random", "gaussians"])
@pytest.mark.parametrize(("channels", "limit"), [(1, None), (7, 10), (32, None)])
def test_forward_and_backward_lower_for_cuda(kind, channels, limit, lowering, monkeypatch):
    monkeypatch.setattr("rasterizer.dispatch.pallas.problem", lambda lowering: None)
    arrays = cases.all_cases()[kind].arrays() | {"features": np.ones((cases.N, channels), np.float32)}
    options = cases.options("pallas", limit) | {"lowering": lowering}

    def loss(arrays):
        return jnp.sum(cases.call(arrays, **options).image)

    smooth = {name: arrays[name] for name in cases.DIFFERENTIABLE if name in arrays}
    gradient = jax.jit(jax.value_and_grad(lambda smooth: loss(arrays | smooth)))
    text = gradient.trace(smooth).lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("mosaic_gpu" if lowering == "mosaic" else "triton") >= 2  # forward and backward


def test_auto_takes_the_kernels_in_a_program_for_cuda():
    arrays = cases.random_case(51).arrays()
    drawing = jax.jit(functools.partial(rasterizer.splat, **cases.options("auto")))
    text = drawing.trace(**arrays).lower(lowering_platforms=("cuda",)).as_text()
    assert "mosaic_gpu" in text
    assert "rasterizer_forward" not in text


def test_without_a_gpu_the_kernels_say_what_is_missing():
    if jax.default_backend() == "gpu":
        pytest.skip("there is a GPU")
    with pytest.raises(ValueError, match="pallas backend cannot run here: JAX sees no CUDA GPU; lowering='interpret'"):
        cases.draw(cases.random_case(52).arrays(), backend="pallas")


@pytest.mark.parametrize(("capability", "lowering"), [(None, "mosaic"), (8.6, "triton"), (9.0, "mosaic")])
def test_the_lowering_suits_the_gpu(capability, lowering, monkeypatch):
    monkeypatch.setattr("rasterizer.pallas.backend._compute_capability", lambda: capability)
    assert rasterizer.pallas.default_lowering() == lowering


def test_mosaic_on_an_old_gpu_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("rasterizer.pallas.backend._compute_capability", lambda: 8.0)
    assert "use lowering='triton'" in rasterizer.backend_problem("pallas", lowering="mosaic")
    assert rasterizer.backend_problem("pallas", lowering="triton") is None
