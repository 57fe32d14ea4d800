"""The front under JAX's transformations: each against plain calls."""

import functools
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rasterizer
from tests.rasterizer import cases

every_choice = cases.backends("xla", "cpu", "auto")
BATCH = 3


def _scene(seed: int = 0) -> dict:
    return cases.random_case(seed).arrays()


def _loss(shift, arrays, backend):
    out = rasterizer.splat(**(arrays | {"means2d": arrays["means2d"] + shift}), **cases.options(backend))
    return jnp.sum(out.image**2)


def _shifts() -> np.ndarray:
    return np.linspace(0, 2, BATCH, dtype=np.float32)[:, None, None] * np.ones((BATCH, 1, 2), np.float32)


@functools.cache
def _plain(backend: str):
    """Losses and gradients of each shift, one call at a time."""
    evaluate = jax.jit(jax.value_and_grad(functools.partial(_loss, arrays=_scene(), backend=backend)))
    losses, gradients = zip(*(evaluate(shift) for shift in _shifts()))
    return np.stack(losses), np.stack(gradients)


@every_choice
def test_eager_equals_jit(backend):
    np.testing.assert_allclose(_loss(_shifts()[1], _scene(), backend), _plain(backend)[0][1], rtol=1e-5)


@every_choice
def test_vmap(backend):
    losses = jax.vmap(functools.partial(_loss, arrays=_scene(), backend=backend))(_shifts())
    np.testing.assert_allclose(losses, _plain(backend)[0], rtol=1e-5)


@every_choice
def test_vmap_of_grad(backend):
    gradients = jax.jit(jax.vmap(jax.grad(functools.partial(_loss, arrays=_scene(), backend=backend))))(_shifts())
    np.testing.assert_allclose(gradients, _plain(backend)[1], rtol=1e-4)


@every_choice
def test_grad_of_vmap(backend):
    batched = jax.vmap(functools.partial(_loss, arrays=_scene(), backend=backend))
    gradients = jax.jit(jax.grad(lambda shifts: jnp.sum(batched(shifts))))(_shifts())
    np.testing.assert_allclose(gradients, _plain(backend)[1], rtol=1e-4)


@every_choice
def test_scan(backend):
    def step(total, shift):
        loss = _loss(shift, _scene(), backend)
        return total + loss, loss

    total, losses = jax.jit(lambda shifts: jax.lax.scan(step, jnp.float32(0), shifts))(_shifts())
    np.testing.assert_allclose(losses, _plain(backend)[0], rtol=1e-5)
    np.testing.assert_allclose(total, _plain(backend)[0].sum(), rtol=1e-5)


@every_choice
def test_grad_of_scan(backend):
    def total(shifts):
        return jax.lax.scan(lambda sum_, s: (sum_ + _loss(s, _scene(), backend), None), jnp.float32(0), shifts)[0]

    np.testing.assert_allclose(jax.jit(jax.grad(total))(_shifts()), _plain(backend)[1], rtol=1e-4)


@every_choice
def test_remat(backend):
    remat = jax.checkpoint(functools.partial(_loss, arrays=_scene(), backend=backend))
    np.testing.assert_allclose(jax.jit(jax.grad(remat))(_shifts()[2]), _plain(backend)[1][2], rtol=1e-4)


@every_choice
def test_pmap(backend):
    devices = jax.local_device_count()
    shifts = np.resize(_shifts(), (devices, 1, 2))
    evaluate = jax.pmap(jax.value_and_grad(functools.partial(_loss, arrays=_scene(), backend=backend)))
    losses, gradients = evaluate(shifts)
    np.testing.assert_allclose(losses, np.resize(_plain(backend)[0], devices), rtol=1e-5)
    np.testing.assert_allclose(gradients, np.resize(_plain(backend)[1], (devices, 1, 2)), rtol=1e-4)


@cases.backends("cpu")
def test_a_batch_of_batches(backend):
    scenes = [[_scene(3 * i + j) for j in range(3)] for i in range(2)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves).reshape(2, 3, *leaves[0].shape), *scenes[0], *scenes[1])
    draw = functools.partial(rasterizer.splat, **cases.options(backend))
    out = jax.jit(jax.vmap(jax.vmap(lambda arrays: draw(**arrays))))(stacked)
    for i in range(2):
        for j in range(3):
            one = cases.draw(scenes[i][j], backend=backend)
            jax.tree.map(lambda a, b, i=i, j=j: np.testing.assert_array_equal(a[i, j], b), out, one)


@every_choice
def test_dtypes_do_not_depend_on_promotion(backend):
    with jax.numpy_dtype_promotion("strict"):
        out = jax.jit(functools.partial(rasterizer.splat, **cases.options(backend)))(**_scene())
    assert {leaf.dtype.name for leaf in jax.tree.leaves(out)} == {"float32", "bool", "int32"}


@every_choice
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_features_are_drawn_in_float32(dtype, backend):
    arrays = _scene()
    arrays["features"] = jnp.asarray(arrays["features"], dtype)
    expected = cases.draw(arrays | {"features": arrays["features"].astype(jnp.float32)}, backend="reference")
    out = cases.draw(arrays, backend="cpu" if backend == "auto" else backend)
    np.testing.assert_allclose(out.image, expected.image, atol=1e-5)


@cases.backends("cpu")
def test_auto_takes_the_native_backend_on_a_cpu(backend):
    lowered = jax.jit(functools.partial(rasterizer.splat, **cases.options("auto"))).lower(**_scene())
    assert "rasterizer_forward" in lowered.compile().as_text()


def test_a_named_portable_program_can_be_exported_for_other_platforms():
    drawing = jax.jit(functools.partial(rasterizer.splat, **cases.options("xla")))
    exported = jax.export.export(drawing, platforms=("cuda", "tpu"))(**_scene())
    assert exported.platforms == ("cuda", "tpu")


FOUR_DEVICES = """
import jax, jax.numpy as jnp, numpy as np, rasterizer
means2d = jnp.asarray(np.random.default_rng(0).uniform(0, 64, (4, 500, 2)), jnp.float32)
def loss(means2d):
    one = jnp.ones(500)
    return jnp.sum(rasterizer.splat(means2d, one, 2.0, one[:, None], image_size=(64, 64), backend="cpu").image ** 2)
gradient = jax.pmap(jax.grad(loss))
for _ in range(20):
    together = gradient(means2d)
apart = jnp.stack([jax.jit(jax.grad(loss))(m) for m in means2d])
assert jax.local_device_count() == 4
assert jnp.array_equal(together, apart)
"""


@cases.backends("cpu")
def test_four_devices_that_share_one_thread_pool_neither_wait_for_ever_nor_differ(backend):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", FOUR_DEVICES]
    # Only a deadlock should end it: 300 steps took 4 s on two idle cores, and 67 s on cores shared by other work.
    subprocess.run(command, env=environment, cwd=pathlib.Path(__file__).parents[2], timeout=540, check=True)
