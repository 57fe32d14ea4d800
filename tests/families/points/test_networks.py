"""The three networks: sizes, initial state, and which gradients reach what (spec sections 3, 4 and 17)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.core.layers import WeightNormLinear, positional_encoding, softplus100
from pegasus_jax.families.free_points.deformation import DeformationNetwork
from pegasus_jax.families.free_points.head_space import head_space
from pegasus_jax.families.points.canonical import CanonicalNetwork
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig, canonicalise
from pegasus_jax.families.points.shading import ShadingNetwork
from tests.heads import random_head

LATENT = 369


def count(module) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(module)))


@pytest.mark.parametrize(("gc", "expected"), [("off", 148_875), ("official", 182_286), ("learned", 182_286)])
def test_deformation_network_has_the_published_size(gc, expected):
    network = DeformationNetwork(latent_size=LATENT, width=128, depth=4, gc=gc, rngs=nnx.Rngs(0))
    assert count(network) == expected


def paper_canonical() -> CanonicalNetwork:
    return CanonicalNetwork(latent_size=LATENT, width=512, depth=9, octaves=6, skip=4, rngs=nnx.Rngs(0))


def test_canonical_and_shading_networks_have_the_published_size():
    assert count(paper_canonical()) == 2_108_122
    assert count(ShadingNetwork(latent_size=LATENT, width=512, rngs=nnx.Rngs(0))) == 456_198


def test_detail_changes_the_albedo_alone_and_starts_at_nothing():
    plain, fine = (
        CanonicalNetwork(
            latent_size=8, width=16, depth=3, octaves=2, skip=None, detail_octaves=octaves, rngs=nnx.Rngs(0)
        )
        for octaves in (0, 8)
    )
    x, z = jax.random.normal(jax.random.key(1), (32, 3)), jnp.ones(8)
    before = plain(x, z)
    jax.tree.map(np.testing.assert_array_equal, fine(x, z), before)
    fine.detail_out.weight[...] = jax.random.normal(jax.random.key(2), (16, 3))
    after = fine(x, z)
    assert jnp.abs(after.albedo - before.albedo).max() > 0.05
    np.testing.assert_array_equal(after.sdf, before.sdf)
    np.testing.assert_array_equal(after.seg_logit, before.seg_logit)


def test_inner_parts_have_colours_of_their_own_and_the_outside_keeps_its():
    network = CanonicalNetwork(
        latent_size=8, width=16, depth=3, octaves=2, skip=None, detail_octaves=4, inner_parts=3, rngs=nnx.Rngs(0)
    )
    x, z = jnp.broadcast_to(jnp.array([0.1, 0.2, 0.3]), (5, 3)), jnp.ones(8)
    part = jnp.array([-1, 0, 1, 2, 3])
    network.detail_out.bias[...] = jnp.full(3, 0.02)
    network.inner_out.bias[...] = jnp.repeat(jnp.array([0.1, -0.1, 0.05]), 3)
    albedo = np.asarray(network(x, z, part).albedo)[:, 0]
    np.testing.assert_allclose(albedo[:2], np.asarray(network(x, z).albedo)[:2, 0], rtol=1e-6)
    logit = np.log(albedo / (1.0 - albedo)) / 10.0
    np.testing.assert_allclose(logit[2:], [0.05, -0.05, 0.025], atol=1e-4)


def test_initial_sdf_is_a_ball_and_ignores_the_latent():
    network = paper_canonical()
    directions = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    z = jax.random.normal(jax.random.key(0), (LATENT,))
    inside, outside = (network(jnp.asarray(directions * r), z).sdf for r in (0.3, 0.6))
    # The spec's own draw: -0.07 and 0.13; six seeds of ours gave -0.14..-0.09 and 0.01..0.12.
    assert -0.2 < float(inside.mean()) < -0.05
    assert 0.0 < float(outside.mean()) < 0.2
    np.testing.assert_allclose(inside, network(jnp.asarray(directions * 0.3), jnp.zeros(LATENT)).sdf, atol=1e-6)


def test_softplus_is_linear_above_its_threshold_and_its_gradient_is_finite():
    x = jnp.array([-3.0, 0.0, 0.1999, 0.2001, 5.0])
    expected = np.where(np.asarray(x) * 100 > 20, x, np.log1p(np.exp(np.minimum(100 * np.asarray(x, float), 20))) / 100)
    np.testing.assert_allclose(softplus100(x), expected, rtol=1e-6, atol=1e-9)
    gradient = jax.vmap(jax.grad(softplus100))(x)
    np.testing.assert_allclose(gradient, 1 / (1 + np.exp(-100 * np.asarray(x, float))), atol=1e-6)


def test_positional_encoding_puts_sine_before_cosine_in_each_octave():
    x = jnp.array([[0.1, -0.2, 0.3]])
    encoded = positional_encoding(x, 2)[0]
    expected = np.concatenate([x[0], np.sin(x[0]), np.cos(x[0]), np.sin(2 * x[0]), np.cos(2 * x[0])])
    np.testing.assert_allclose(encoded, expected, rtol=1e-6)


def test_weight_norm_rows_have_length_g_and_the_latent_acts_as_a_bias():
    layer = WeightNormLinear(jax.random.normal(jax.random.key(0), (5, 4)), jnp.arange(4.0))
    layer.g[...] = jnp.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(jnp.linalg.norm(layer.weight(), axis=0), [1, 2, 3, 4], rtol=1e-6)
    x, z = jnp.ones((7, 3)), jnp.array([0.5, -1.0])
    joined = jnp.concatenate([x, jnp.tile(z[None], (7, 1))], axis=1)
    np.testing.assert_allclose(layer(x, z), layer(joined), rtol=1e-5)


@pytest.mark.parametrize("gc", ["official", "learned"])
def test_only_the_learned_gc_branch_can_become_more_than_a_translation(gc):
    network = DeformationNetwork(latent_size=4, width=16, depth=2, gc=gc, rngs=nnx.Rngs(0))
    graphdef, state = nnx.split(network)
    points, z = jax.random.normal(jax.random.key(1), (32, 3)), jnp.ones(4)

    def objective(state):
        return jnp.sum(nnx.merge(graphdef, state).offset_sc(points, z) * points)

    for _ in range(3):
        state = jax.tree.map(lambda v, g: v - 0.05 * g, state, jax.grad(objective)(state))
    spread = float(jnp.ptp(nnx.merge(graphdef, state).offset_sc(points, z), axis=0).max())
    assert (spread > 1e-4) == (gc == "learned")


def test_latent_vector_has_one_hots_at_the_published_places():
    table = latents.LatentTable(code_size=32, look_categories=("hair", "nose"), rngs=nnx.Rngs(0))
    z = latents.flatten(table.latent())
    assert z.shape == (369,)
    for slot in range(9):
        np.testing.assert_array_equal(z[41 * slot : 41 * slot + 9], np.eye(9)[slot])
    hair = latents.flatten(table.latent(1))
    changed = np.flatnonzero(np.asarray(hair != z))
    slot = latents.CATEGORIES.index("hair")
    np.testing.assert_array_equal(changed, np.arange(41 * slot + 9, 41 * slot + 41))


def test_presence_starts_with_every_point_there_and_moves_no_point():
    config = NetworkConfig(presence=True, look_categories=("hair",), canonical_width=16, canonical_skip=None)
    networks = AvatarNetworks(config, rngs=nnx.Rngs(0))
    space = head_space(random_head(60, seed=0), jnp.zeros(50))
    points = 0.4 * jax.random.normal(jax.random.key(0), (40, 3))
    part, nearest = jnp.zeros(40, jnp.int32), jnp.zeros(40, jnp.int32)

    def opacity(points, z):
        return canonicalise(networks, space, points, z, nearest, part, jacobian_gradient=False).opacity

    z = latents.flatten(networks.latents.latent(1))
    assert (opacity(points, z) > 0.95).all()
    by_points, by_z = jax.grad(lambda *args: opacity(*args).sum(), argnums=(0, 1))(points, z)
    np.testing.assert_array_equal(by_points, 0.0)
    assert np.abs(by_z).max() > 0
    plain = AvatarNetworks(dataclasses.replace(config, presence=False), rngs=nnx.Rngs(0))
    everywhere = canonicalise(plain, space, points, z, nearest, part, jacobian_gradient=False).opacity
    np.testing.assert_array_equal(everywhere, np.ones(40))
