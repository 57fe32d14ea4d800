"""Unpose-repose against FLAME itself, and the hand-assembled Jacobian against automatic differentiation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.spatial import cKDTree

from pegasus_jax.core import latents
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import ANY_PART, frame_motion, head_space, nearest_vertices
from pegasus_jax.families.free_points.skinning import cofactors_3x3, inverse_3x3, unpose
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig, canonicalise, rest_points
from pegasus_jax.families.points.posing import pose_points
from pegasus_jax.flame import lbs
from tests.heads import random_head

SMALL = NetworkConfig(
    gc="learned",
    deformation_width=16,
    deformation_depth=2,
    canonical_width=16,
    canonical_depth=2,
    canonical_skip=None,
    octaves=2,
    shading_width=8,
    code_size=4,
)


@pytest.fixture(scope="module")
def space():
    expression = 0.3 * jax.random.normal(jax.random.key(3), (50,))
    return head_space(random_head(200, seed=0), expression)


def random_motion(seed: int):
    keys = jax.random.split(jax.random.key(seed), 3)
    scales = (0.5, 0.5, 0.3)
    return [s * jax.random.normal(k, (n,)) for k, n, s in zip(keys, (100, 50, 15), scales)]


def randomised(config: NetworkConfig, seed: int = 0) -> AvatarNetworks:
    """Networks with random weights everywhere, so that no branch is idle."""
    graphdef, state = nnx.split(AvatarNetworks(config, rngs=nnx.Rngs(seed)))
    leaves, treedef = jax.tree.flatten(state)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    noisy = [leaf + 0.05 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys)]
    return nnx.merge(graphdef, jax.tree.unflatten(treedef, noisy))


def untrained(head_prior: bool) -> AvatarNetworks:
    return AvatarNetworks(dataclasses.replace(SMALL, gc="off", head_prior=head_prior), rngs=nnx.Rngs(0))


def canonical_points(networks, space, points_gc):
    z = latents.flatten(networks.latents.latent())
    part = jnp.full(len(points_gc), ANY_PART)
    nearest = nearest_vertices(space, points_gc, part)
    return canonicalise(networks, space, points_gc, z, nearest, part, jacobian_gradient=True), z


def test_head_prior_moves_head_vertices_exactly_as_the_head_model_does(space):
    networks = untrained(head_prior=True)
    points, _ = canonical_points(networks, space, space.vertices_fc)
    np.testing.assert_array_equal(points.nearest, np.arange(space.head.num_vertices))
    betas, expression, pose = random_motion(1)
    motion = frame_motion(space, FlameParams(betas, expression, pose))
    rest = dataclasses.replace(
        points.rest,
        lbs_weights=space.lbs_weights,
        positions_rest=unpose(space.vertices_fc, space.lbs_weights, space.T_fc_rest),
    )
    exact = dataclasses.replace(points, rest=rest)
    posed = pose_points(exact, networks.deformation.bases(), motion, head_prior=True, normals=False)
    expected = lbs.vertices(space.head, betas, expression, pose)
    np.testing.assert_allclose(posed.positions_d, expected, atol=2e-5)


def test_the_canonical_state_leaves_every_point_where_it_is(space):
    networks = randomised(SMALL)
    points, _ = canonical_points(networks, space, 0.3 * jax.random.normal(jax.random.key(5), (64, 3)))
    pose = jnp.zeros(15).at[6].set(0.4)
    motion = frame_motion(space, FlameParams(jnp.zeros(100), space.expression_c, pose))
    posed = pose_points(points, networks.deformation.bases(), motion, head_prior=False, normals=True)
    np.testing.assert_allclose(posed.positions_d, points.x_fc, atol=1e-5)


@pytest.mark.parametrize(
    ("head_prior", "smooth"), [(False, False), (True, False), (True, True)], ids=["networks_alone", "nearest", "smooth"]
)
def test_normals_use_the_inverse_transpose_of_the_true_jacobian(space, head_prior, smooth):
    networks = randomised(dataclasses.replace(SMALL, head_prior=head_prior, smooth_weights=smooth))
    points, z = canonical_points(networks, space, 0.3 * jax.random.normal(jax.random.key(5), (16, 3)))
    betas, expression, pose = random_motion(2)
    motion = frame_motion(space, FlameParams(betas, expression, pose))
    bases = networks.deformation.bases()
    posed = pose_points(points, bases, motion, head_prior=head_prior, normals=True)

    def position(x_sc, nearest):
        rest = rest_points(networks, space, x_sc[None], z, nearest[None])
        one = jax.tree.map(lambda a: a[:1], points)
        one = dataclasses.replace(one, rest=rest, nearest=nearest[None])
        return pose_points(one, bases, motion, head_prior=head_prior, normals=False).positions_d[0]

    jacobians = jax.vmap(jax.jacfwd(position))(points.x_sc, points.nearest)
    expected = np.einsum("nba,nb->na", np.linalg.inv(np.asarray(jacobians, float)), np.asarray(points.normals_sc))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(posed.normals_d, expected, atol=1e-4)


def test_gradient_paths_are_the_published_ones(space):
    networks = randomised(SMALL)
    graphdef, state = nnx.split(networks)
    start = 0.3 * jax.random.normal(jax.random.key(5), (8, 3))

    def values(state, points_gc):
        points, _ = canonical_points(nnx.merge(graphdef, state), space, points_gc)
        return points

    for field in ("sdf", "albedo", "seg_logit", "normals_sc"):
        to_points = jax.grad(lambda p, f=field: jnp.sum(getattr(values(state, p), f) ** 2))(start)
        assert float(jnp.abs(to_points).max()) == 0.0, f"{field} must not move points"
    by_state = jax.grad(lambda s: jnp.sum(values(s, start).albedo ** 2))(state)
    assert float(jnp.abs(by_state["deformation"]["gc_out"]["weight"][...]).max()) > 0.0
    by_normals = jax.grad(lambda s: jnp.sum(values(s, start).normals_sc[:, 0]))(state)
    assert float(jnp.abs(by_normals["latents"]["base"][...]).max()) == 0.0
    assert float(jnp.abs(by_normals["canonical"]["layers"][0]["v"][...]).max()) > 0.0
    assert float(jnp.abs(jax.grad(lambda p: jnp.sum(values(state, p).x_fc))(start)).min()) > 0.0


def test_closed_form_inverses_equal_numpy():
    matrices = np.random.default_rng(0).normal(size=(32, 3, 3)).astype(np.float32)
    np.testing.assert_allclose(inverse_3x3(jnp.asarray(matrices)), np.linalg.inv(matrices.astype(float)), rtol=2e-3)
    determinant = np.linalg.det(matrices.astype(float))[:, None, None]
    expected = determinant * np.swapaxes(np.linalg.inv(matrices.astype(float)), 1, 2)
    np.testing.assert_allclose(cofactors_3x3(jnp.asarray(matrices)), expected, atol=1e-4)


def test_nearest_vertices_equals_a_tree(space):
    points = np.random.default_rng(1).normal(size=(5000, 3)).astype(np.float32) * 0.5
    _, expected = cKDTree(np.asarray(space.vertices_fc)).query(points)
    agree = np.asarray(nearest_vertices(space, jnp.asarray(points), jnp.full(5000, ANY_PART))) == expected
    assert agree.mean() > 0.999  # ties within float32 rounding may differ


def test_points_keep_to_vertices_of_their_own_part(space):
    parts = jnp.asarray(np.arange(space.head.num_vertices) % 4, jnp.int32)
    labelled = dataclasses.replace(space, parts=parts)
    points = jax.random.normal(jax.random.key(0), (64, 3))
    for part in range(4):
        found = nearest_vertices(labelled, points, jnp.full(64, part))
        own = np.flatnonzero(np.asarray(parts) == part)
        _, expected = cKDTree(np.asarray(space.vertices_fc)[own]).query(np.asarray(points))
        np.testing.assert_array_equal(found, own[expected])
