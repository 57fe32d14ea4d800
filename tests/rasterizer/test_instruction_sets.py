"""The native kernels of every instruction set that this processor has: one value, one exponential, one choice."""

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
from rasterizer.cpu import backend as native
from tests.rasterizer import cases
from tests.rasterizer.test_gradients import assert_same_vectors

pytestmark = pytest.mark.skipif(bool(native.problem()), reason="no native rasteriser")


def _runnable() -> list[str]:
    if native.problem():
        return []
    chosen, names = native.instruction_set(), []
    for name in native.INSTRUCTION_SETS:
        try:
            native.use_instruction_set(name)
            names.append(name)
        except ValueError:
            continue
    native.use_instruction_set(chosen)
    return names


each_set = pytest.mark.parametrize("name", _runnable())


@pytest.fixture(autouse=True)
def _restored():
    chosen = native.instruction_set()
    yield
    native.use_instruction_set(chosen)


@each_set
@cases.each_limit
@pytest.mark.parametrize("case", cases.all_cases())
def test_all_draw_alike(name, limit, case):
    arrays = cases.all_cases()[case].arrays()
    native.use_instruction_set("baseline")
    expected = cases.draw(arrays, backend="cpu", limit=limit)
    gradients = cases.pull(arrays, *cases.cotangents(), backend="cpu", limit=limit)
    native.use_instruction_set(name)
    out = cases.draw(arrays, backend="cpu", limit=limit)
    np.testing.assert_allclose(out.image, expected.image, atol=1e-5)
    np.testing.assert_allclose(out.alpha, expected.alpha, atol=1e-5)
    np.testing.assert_allclose(out.max_weight, expected.max_weight, atol=1e-5)
    np.testing.assert_array_equal(out.is_front, expected.is_front)
    assert_same_vectors(cases.pull(arrays, *cases.cotangents(), backend="cpu", limit=limit), gradients)


@each_set
@pytest.mark.parametrize(("opacity", "low", "high"), [(0.5, -4.84, -1e-7), (1.0, -5.54, -0.0101)])
def test_the_exponential_is_within_two_units_in_the_last_place(opacity, low, high, name):
    """One pixel to the right of a mean, alpha is the opacity times exp(-a / 2), and every product here is exact."""
    native.use_instruction_set(name)
    powers = np.linspace(low, high, 100_000).astype(np.float32)

    def alpha(power):
        one = jnp.ones(1, jnp.float32)
        conic = jnp.stack([-2 * power, 0 * power, jnp.float32(1)])[None]
        draw = functools.partial(rasterizer.splat_gaussians, image_size=(1, 2), backend="cpu")
        return draw(jnp.full((1, 2), 0.5, jnp.float32), conic, one, opacity * one, one[:, None]).image[0, 1, 0]

    exact = np.exp(powers.astype(np.float64))
    drawn = np.asarray(jax.jit(jax.vmap(alpha))(powers), np.float64) / opacity
    assert np.max(np.abs(drawn - exact) / np.spacing(exact.astype(np.float32))) <= 2  # worst seen: 1.1


@pytest.mark.parametrize("name", native.INSTRUCTION_SETS)
def test_the_environment_names_one_and_doubles_by_default_do_not_matter(name):
    environment = os.environ | {"RASTERIZER_ISA": name, "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    code = "import rasterizer; print(rasterizer.instruction_set(), rasterizer.backend_problem('cpu'))"
    run = [sys.executable, "-c", code]
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(run, env=environment, cwd=root, capture_output=True, text=True, check=True)
    if name in _runnable():
        assert done.stdout.split() == [name, "None"]
    else:
        assert (
            f"this processor cannot run the instruction set '{name}'; there are avx512, avx2, baseline" in done.stdout
        )
