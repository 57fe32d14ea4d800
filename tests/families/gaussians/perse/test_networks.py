"""PERSE's networks: the published sizes, layouts and starts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pegasus_jax.config import load_config
from pegasus_jax.core import latents, touched_codes
from pegasus_jax.core.layers import WeightNormLinear
from pegasus_jax.core.leaves import flat
from pegasus_jax.families.gaussians.perse.networks import Attributes, NetworkConfig, PerseNetworks
from pegasus_jax.training.settings import from_config

LOOKS = ("hair", "hat")


def paper() -> NetworkConfig:
    return from_config(load_config("configs/perse.py")).model.networks


@pytest.fixture(scope="module")
def sizes() -> dict[str, tuple[int, ...]]:
    state = nnx.state(nnx.eval_shape(lambda: PerseNetworks(paper(), rngs=nnx.Rngs(0))))
    return {name.removesuffix(".value"): leaf.shape for name, leaf in flat(state).items()}


@pytest.mark.parametrize(
    "network, numbers, gains",
    [("deformation", 188_174, 640), ("canonical", 3_420_224, 4_149), ("pose", 154_763, 384)],
)
def test_networks_of_the_paper_have_the_published_numbers_of_parameters(sizes, network, numbers, gains):
    own = {name: int(np.prod(shape)) for name, shape in sizes.items() if name.startswith(f"{network}.")}
    assert sum(count for name, count in own.items() if name.endswith(".g")) == gains
    assert sum(own.values()) - gains == numbers


def test_the_trunk_has_the_published_shapes(sizes):
    shapes = [sizes[f"canonical.layers.{number}.v"] for number in range(9)]
    assert shapes == [(459, 512), (512, 512), (512, 512), (512, 53), *[(512, 512)] * 5]


def test_the_hair_has_its_place_in_the_latent():
    table = latents.LatentTable(
        code_size=32,
        look_categories=LOOKS,
        categories=paper().categories,
        sources=paper().sources,
        code_std=0.05,
        rngs=nnx.Rngs(0),
    )
    filmed, hair, hat = (latents.flatten(table.latent(look), categories=table.categories) for look in range(3))
    assert filmed.shape == (420,) and latents.latent_size(10, 32) == 420
    changed = np.flatnonzero(np.asarray(filmed != hair))
    assert changed.min() == 178 and changed.max() == 209
    assert hair[172] == 1.0 and hair[168:178].sum() == 1.0
    np.testing.assert_array_equal(hat[178:210], filmed[178:210])  # under a hat there is the person's own hair
    assert table.base[...].shape == (7, 32)  # six references and the zero code
    spread = float(np.std(np.concatenate([np.ravel(table.base[...]), np.ravel(table.looks[...])])))
    assert 0.03 < spread < 0.07


def test_a_look_touches_its_own_code_and_the_bases_that_it_shows():
    table = latents.LatentTable(
        code_size=2, look_categories=LOOKS, categories=paper().categories, sources=paper().sources, rngs=nnx.Rngs(0)
    )
    hair = touched_codes.touched(table, jnp.array([1]))
    sources = np.array(paper().sources)
    np.testing.assert_array_equal(hair.base, [*(sources != "hair"), True])
    np.testing.assert_array_equal(hair.looks, [True, False])
    assert touched_codes.touched(table, jnp.array([2])).base.all()  # others share the zero code with the hat


@pytest.fixture(scope="module")
def small() -> PerseNetworks:
    return PerseNetworks(NetworkConfig(canonical_width=480, canonical_depth=5, octaves=4), rngs=nnx.Rngs(0))


def test_attributes_start_without_the_latent_and_points_where_they_are(small):
    x = jax.random.normal(jax.random.key(0), (5, 3))
    first, second = (jax.random.normal(jax.random.key(seed), (420,)) for seed in (1, 2))
    one, other = small.canonical(x, first), small.canonical(x, second)
    for name in ("colour", "scale", "rotation", "opacity"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-4, atol=1e-5)
    assert np.asarray(one.colour).std(axis=0).min() > 1e-4  # but points differ
    assert (one.scale.shape, one.rotation.shape, one.opacity.shape) == ((5, 3), (5, 4), (5, 1))
    features = small.deformation.features(x, first)
    np.testing.assert_array_equal(small.deformation.offset_fc(features), 0.0)
    np.testing.assert_allclose(jax.nn.softmax(small.deformation.skinning_logits(features), axis=-1), 1 / 6, rtol=1e-6)


def test_the_pose_networks_offsets_are_those_of_its_layers(small):
    moved, z = jax.random.normal(jax.random.key(3), (4, 3)), jax.random.normal(jax.random.key(4), (420,))
    offsets = small.pose(moved, z)
    assert isinstance(offsets, Attributes) and np.abs(offsets.colour).max() > 0.0
    h = np.concatenate([moved, np.tile(z, (4, 1))], axis=1)
    for index, layer in enumerate(small.pose.trunk):
        assert isinstance(layer, WeightNormLinear)
        h = h @ np.asarray(layer.weight()) + np.asarray(layer.bias[...])
        h = np.maximum(h, 0.0) if index < 2 else h
    hidden, out = small.pose.opacity_head
    h = np.maximum(h @ np.asarray(hidden.weight[...]) + np.asarray(hidden.bias[...]), 0.0)
    expected = h @ np.asarray(out.weight[...]) + np.asarray(out.bias[...])
    np.testing.assert_allclose(offsets.opacity, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("init, alike", [("official", True), ("plain", False)])
def test_the_official_start_makes_all_features_alike(init, alike):
    config = NetworkConfig(canonical_width=480, canonical_depth=5, octaves=4, trunk_init=init)
    weight = np.asarray(PerseNetworks(config, rngs=nnx.Rngs(0)).canonical.layers[-1].weight())
    assert (np.std(weight, axis=1).mean() < 1e-3) == alike
