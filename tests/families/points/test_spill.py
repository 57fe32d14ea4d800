"""The spill term: zero for networks that do not listen to codes, and blind to what is the part."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig
from pegasus_jax.families.points.spill import spill

SIZES = {
    "deformation_width": 8,
    "canonical_width": 16,
    "canonical_depth": 2,
    "canonical_skip": None,
    "octaves": 2,
    "shading_width": 8,
    "code_size": 4,
    "presence": True,
}
OUTER = jnp.zeros(64, jnp.int32)


@pytest.fixture(scope="module")
def points():
    return 0.5 * jax.random.normal(jax.random.key(3), (64, 3))


def _networks(*categories: str) -> AvatarNetworks:
    return AvatarNetworks(NetworkConfig(look_categories=categories, **SIZES), rngs=nnx.Rngs(0))


def _listening(networks: AvatarNetworks) -> AvatarNetworks:
    """Networks as they start ignore codes; these do not."""
    first = networks.canonical.layers[0]
    first.v[...] = first.v[...].at[3:].set(0.3 * jax.random.normal(jax.random.key(1), first.v[...][3:].shape))
    basis = networks.deformation.basis
    basis.weight[...] = 0.1 * jax.random.normal(jax.random.key(2), basis.weight[...].shape)
    networks.canonical.out.v[...] = networks.canonical.out.v[...] + 0.3
    return _part_half(networks)


def _part_half(networks: AvatarNetworks) -> AvatarNetworks:
    """Every point belongs to the part by half, wherever it is: the cue is held constant in the backward pass."""
    networks.canonical.seg.g[...] = jnp.zeros(1)
    return networks


def _part_everywhere(networks: AvatarNetworks) -> AvatarNetworks:
    networks.canonical.seg.bias[...] = jnp.full(1, 1e4)
    return networks


def test_an_avatar_of_one_look_has_nothing_to_spill(points):
    assert spill(_networks(), points, OUTER, jnp.ones(64, bool), jnp.int32(0), jax.random.key(0)) == 0.0


def test_what_listens_to_the_code_spills_except_where_it_is_the_part(points):
    alive, key = jnp.ones(64, bool), jax.random.key(0)
    plain = spill(_networks("hair"), points, OUTER, alive, jnp.int32(0), key)
    loud = spill(_listening(_networks("hair")), points, OUTER, alive, jnp.int32(0), key)
    part = spill(_part_everywhere(_listening(_networks("hair"))), points, OUTER, alive, jnp.int32(0), key)
    nobody = spill(_listening(_networks("hair")), points, OUTER, ~alive, jnp.int32(0), key)
    light = float(nobody)
    assert loud > plain + 0.01 and abs(float(part) - light) < 1e-4


def test_codes_do_not_learn_from_it_and_networks_do(points):
    graphdef, state = nnx.split(_listening(_networks("hair", "nose", "hair")))

    def term(state):
        return spill(nnx.merge(graphdef, state), points, OUTER, jnp.ones(64, bool), jnp.int32(2), jax.random.key(0))

    slope = jax.grad(term)(state)
    assert all(np.all(np.asarray(leaf) == 0.0) for leaf in jax.tree.leaves(slope["latents"]))
    assert any(np.any(np.asarray(leaf) != 0.0) for leaf in jax.tree.leaves(slope["canonical"]))
    moved = jax.tree.map(lambda leaf, step: leaf - 1e-6 * step, state, slope)
    assert term(moved) < term(state)


def test_a_part_has_to_be_the_same_whatever_is_worn_besides(points):
    """Every nose has one code, so drawing it changes nothing: all there is to blame is what hair makes of the nose."""
    networks = _listening(_networks("hair", "nose"))
    table = networks.latents
    table.looks[...] = table.looks[...].at[1].set(table.base[...][latents.CATEGORIES.index("nose")])
    keys = jax.random.split(jax.random.key(5), 20)
    of_nose = [
        key for key in keys if jax.random.choice(jax.random.split(key, 3)[0], table.slots()[1:]) == table.slots()[2]
    ]
    hair, nose = (
        [spill(networks, points, OUTER, jnp.ones(64, bool), jnp.int32(look), key) for key in of_nose] for look in (1, 2)
    )
    assert min(hair) > 1e-3
    np.testing.assert_allclose(nose, 0.0, atol=1e-5)
