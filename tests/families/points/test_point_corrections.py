"""Corrections of points' colours: a look's own at its code, something between elsewhere."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pegasus_jax.core.latents import LatentTable
from pegasus_jax.editing import interpolate
from pegasus_jax.families.points.point_corrections import correction

LOOKS = ("hair", "nose", "hair")


@pytest.fixture(scope="module")
def table() -> LatentTable:
    return LatentTable(code_size=8, look_categories=LOOKS, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def colours():
    return jnp.asarray(np.random.default_rng(0).uniform(-0.2, 0.2, (4, 30, 4)), jnp.float32)


def test_at_a_looks_code_it_is_the_looks_own(table, colours):
    for look in range(4):
        np.testing.assert_allclose(correction(colours, table, table.latent(look)), colours[look], atol=1e-5)


def test_parts_of_several_categories_add_up(table, colours):
    both = {**table.latent(1), "nose": table.latent(2)["nose"]}
    wanted = colours[1] + colours[2] - colours[0]
    np.testing.assert_allclose(correction(colours, table, both), wanted, atol=1e-5)


def test_between_codes_it_is_between_the_looks_and_moves_from_one_to_the_other(table, colours):
    ends = table.latent(1), table.latent(3)
    away = []
    for t in np.linspace(0.0, 1.0, 6):
        got = correction(colours, table, interpolate(*ends, float(t)))
        away.append(float(jnp.abs(got - colours[1]).mean()))
    assert away[0] < 1e-5 and all(later > earlier for earlier, later in itertools.pairwise(away))


def test_an_avatar_of_one_look_has_one_correction(colours):
    alone = LatentTable(code_size=8, look_categories=(), rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(correction(colours[:1], alone, alone.latent()), colours[0])
