"""Latent algebra against plain NumPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax import editing


def latent(seed: int, size: int = 4) -> dict[str, jax.Array]:
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.normal(size=size), jnp.float32) for name in ("identity", "hair", "nose")}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, -0.5, 2.0])
def test_interpolation_is_on_the_line_through_both(t):
    start, end = latent(0), latent(1)
    got = editing.interpolate(start, end, t)
    for name in start:
        a, b = (np.asarray(z[name], np.float64) for z in (start, end))
        np.testing.assert_allclose(got[name], a + t * (b - a), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_end_points_are_the_looks_to_the_bit(seed):
    start, end = latent(seed), latent(100 + seed)
    assert_same(editing.interpolate(start, end, 0.0), start)
    assert_same(editing.interpolate(start, end, 1.0), end)
    assert_same(jax.jit(editing.interpolate)(start, end, 1.0), end)


def test_slots_that_are_equal_stay_as_they_are():
    start = latent(0)
    end = start | {"hair": latent(1)["hair"]}
    got = editing.interpolate(start, end, 1 / 3)
    assert_same(
        {name: got[name] for name in ("identity", "nose")}, {name: start[name] for name in ("identity", "nose")}
    )


def test_interpolation_has_gradients():
    start, end = latent(0), latent(1)
    slope = jax.grad(lambda t: editing.interpolate(start, end, t)["hair"].sum())(0.5)
    np.testing.assert_allclose(slope, np.sum(np.asarray(end["hair"]) - np.asarray(start["hair"])), rtol=1e-5)


def test_a_swap_changes_one_slot():
    base, code = latent(0), latent(1)["hair"]
    assert_same(editing.swap(base, "hair", code), base | {"hair": code})
    blended = editing.swap(base, "hair", code, weight=0.25)["hair"]
    np.testing.assert_allclose(blended, 0.75 * np.asarray(base["hair"]) + 0.25 * np.asarray(code), rtol=1e-5)
    assert_same(base, latent(0))


def test_the_order_of_a_composition_changes_nothing():
    base, other = latent(0), latent(1)
    codes = [("hair", (other["hair"], 1.0)), ("nose", (other["nose"], 0.3)), ("identity", (other["identity"], -1.0))]
    first, *rest = (editing.compose(base, dict(order)) for order in itertools.permutations(codes))
    for latents in rest:
        assert_same(first, latents)


def test_samples_have_the_mean_and_the_unbiased_deviation_of_the_codes():
    codes = np.random.default_rng(0).normal(3.0, [0.1, 1.0, 5.0], size=(7, 3)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), 20000)
    drawn = np.asarray(jax.vmap(lambda key: editing.sample(jnp.asarray(codes), key=key))(keys))
    std = codes.std(axis=0, ddof=1)
    np.testing.assert_array_less(np.abs(drawn.mean(axis=0) - codes.mean(axis=0)), 4 * std / np.sqrt(len(keys)))
    np.testing.assert_allclose(drawn.std(axis=0), std, rtol=0.03)  # 4 standard errors are 0.02
    correlation = np.corrcoef(drawn.T) - np.eye(3)
    assert np.abs(correlation).max() < 0.03, "each number by itself"


def test_a_sample_is_a_function_of_its_key():
    codes = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    one, again, other = (editing.sample(codes, key=jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(np.asarray(one) - np.asarray(other)).min() > 0


def test_arguments_that_do_not_fit_are_told():
    base = latent(0)
    with pytest.raises(ValueError, match="no category 'hat'; it has identity, hair, nose"):
        editing.swap(base, "hat", base["hair"])
    with pytest.raises(ValueError, match=r"same categories; got \['identity', 'hair', 'nose'\] and \['hair'\]"):
        editing.interpolate(base, {"hair": base["hair"]}, 0.5)
    with pytest.raises(ValueError, match=r"\(L, K\) with L of 2 or more; got \(1, 4\)"):
        editing.sample(base["hair"][None], key=jax.random.key(0))
