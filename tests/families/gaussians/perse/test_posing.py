"""PERSE's Gaussians in a frame: places against the head model, rotations against the frame's, and whose gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.spatial.transform import Rotation

from pegasus_jax.core import latents
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import frame_motion, head_space
from pegasus_jax.families.gaussians.perse.networks import NetworkConfig, PerseNetworks
from pegasus_jax.families.gaussians.perse.posing import canonicalise, pose_gaussians
from pegasus_jax.families.gaussians.perse.rotations import nearest_quaternions, product
from tests.heads import random_head

SMALL = NetworkConfig(
    code_size=2,
    canonical_width=192,
    canonical_depth=2,
    canonical_skip=None,
    octaves=1,
    deformation_width=12,
    deformation_depth=2,
    pose_width=8,
    max_scale=0.1,
)


@pytest.fixture(scope="module")
def space():
    return head_space(random_head(60, seed=0), 0.3 * jax.random.normal(jax.random.key(3), (50,)))


def networks(*, noise: float, **changes) -> PerseNetworks:
    """Networks that are off their start by so much noise."""
    config = dataclasses.replace(SMALL, **changes)
    graphdef, state = nnx.split(PerseNetworks(config, rngs=nnx.Rngs(0)))
    leaves, treedef = jax.tree.flatten(state)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noisy = [leaf + noise * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys)]
    return nnx.merge(graphdef, jax.tree.unflatten(treedef, noisy))


def params(seed: int = 0) -> FlameParams:
    keys = jax.random.split(jax.random.key(seed), 3)
    return FlameParams(*(s * jax.random.normal(k, (n,)) for k, n, s in zip(keys, (100, 50, 15), (0.5, 0.5, 0.3))))


def posed(model, space, points, frame, **options):
    z = latents.flatten(model.latents.latent(), categories=model.config.categories)
    return pose_gaussians(model, space, canonicalise(model, space, points, z), z, frame, **{"floor": 0.01, **options})


POINTS = jnp.asarray(np.random.default_rng(0).normal(0.0, 0.5, (7, 3)), jnp.float32)


def axes_of(gaussians) -> tuple[np.ndarray, np.ndarray]:
    """Scales (N, 3) and rotations (N, 3, 3) of factors."""
    factors = np.moveaxis(np.asarray(gaussians.factors, np.float64), 2, 0)
    scales = np.linalg.norm(factors, axis=1)
    return scales, factors / scales[:, None]


@pytest.mark.parametrize("rotation", ["none", "lbs", "full"])
def test_gaussians_are_rotated_scaled_frames_and_not_reflected(space, rotation):
    found = posed(networks(noise=0.05, rotation=rotation), space, POINTS, params())
    scales, axes = axes_of(found)
    np.testing.assert_allclose(np.linalg.det(axes), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.einsum("nab,nac->nbc", axes, axes), np.tile(np.eye(3), (7, 1, 1)), atol=1e-4)
    assert (scales > 0.01).all() and (scales < 0.11 + 1e-6).all()
    assert (np.asarray(found.opacities) > 0).all() and (np.asarray(found.colours) < 1).all()


def test_a_turn_of_the_whole_head_turns_gaussians_that_hang_on_it(space):
    model, turn = networks(noise=0.0), Rotation.from_rotvec([0.0, 0.9, 0.0])
    # all weight on the first joint, that of the head as a whole
    model.deformation.skinning.bias[...] = jnp.array([0.0, 9.0, 0.0, 0.0, 0.0, 0.0])
    still = FlameParams(jnp.zeros(100), space.expression_c, jnp.zeros(15))
    turned = dataclasses.replace(still, pose=jnp.zeros(15).at[:3].set(jnp.asarray(turn.as_rotvec(), jnp.float32)))
    (_, before), (_, after) = (axes_of(posed(model, space, POINTS, frame, pose_share=0.0)) for frame in (still, turned))
    np.testing.assert_allclose(after, turn.as_matrix()[None] @ before, atol=2e-4)
    released = networks(noise=0.0, rotation="none")
    released.deformation.skinning.bias[...] = model.deformation.skinning.bias[...]
    (_, before), (_, after) = (
        axes_of(posed(released, space, POINTS, frame, pose_share=0.0)) for frame in (still, turned)
    )
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_the_full_rotation_is_that_of_the_derivative_of_the_frames_motion(space):
    model, frame = networks(noise=0.05, rotation="full"), params(1)
    z = latents.flatten(model.latents.latent(), categories=model.config.categories)
    canonical = canonicalise(model, space, POINTS, z)

    def means(x_gc):
        return posed(model, space, x_gc, frame).means.T

    # gc -> d and gc -> fc by automatic differentiation, of each point by itself
    by_gc = jnp.stack([jax.jacobian(means)(POINTS)[i, :, i] for i in range(7)])
    fc_by_gc = jnp.stack(
        [jax.jacobian(lambda x: canonicalise(model, space, x, z).x_fc)(POINTS)[i, :, i] for i in range(7)]
    )
    jacobians = np.asarray(by_gc, np.float64) @ np.linalg.inv(np.asarray(fc_by_gc, np.float64))
    u, _, vt = np.linalg.svd(jacobians)
    expected = u @ vt
    assert (np.linalg.det(expected) > 0).all()
    own = canonical.attributes.rotation
    plain = dataclasses.replace(canonical, derivatives=None)
    _, axes = axes_of(pose_gaussians(model, space, canonical, z, frame, floor=0.01, pose_share=0.0))
    w, x, y, z_ = np.asarray(own / jnp.linalg.norm(own, axis=1, keepdims=True)).T
    before = Rotation.from_quat(np.stack([x, y, z_, w], axis=1)).as_matrix()
    np.testing.assert_allclose(axes, expected @ before, atol=2e-3)
    _, by_skinning = axes_of(pose_gaussians(model, space, plain, z, frame, floor=0.01, pose_share=0.0))
    assert np.abs(by_skinning - axes).max() > 1e-2


def test_places_are_those_of_the_head_model_where_networks_say_what_it_does(space):
    """Networks at their start skin by all six bones alike and have no bases: T x^0 with equal weights."""
    model, frame = networks(noise=0.0, gc="off"), params(2)
    found = posed(model, space, POINTS, frame)
    motion = frame_motion(space, frame)
    there, back = (np.asarray(bones).mean(axis=0) for bones in (motion.T_d_rest, space.T_fc_rest))
    rest = np.linalg.solve(back[:3, :3], (np.asarray(POINTS) - back[:3, 3]).T).T
    nearest = np.linalg.norm(np.asarray(POINTS)[:, None] - np.asarray(space.vertices_fc)[None], axis=2).argmin(axis=1)
    rest = rest + np.asarray(motion.shape_offset)[nearest]
    np.testing.assert_allclose(found.means.T, rest @ there[:3, :3].T + there[:3, 3], atol=1e-4)


def test_points_learn_through_places_alone_and_pose_offsets_reach_no_point(space):
    model = networks(noise=0.05)

    def total(points, pick):
        return jnp.sum(pick(posed(model, space, points, params())))

    gradient = jax.grad(total)
    assert np.abs(gradient(POINTS, lambda g: g.means)).min() > 0
    for pick in (lambda g: g.colours, lambda g: g.opacities, lambda g: g.factors):
        np.testing.assert_array_equal(gradient(POINTS, pick), 0.0)


def test_the_nearest_rotation_is_the_polar_factor():
    rng = np.random.default_rng(0)
    matrices = Rotation.random(20, random_state=0).as_matrix() @ (np.eye(3) + 0.3 * rng.normal(size=(20, 3, 3)))
    matrices = matrices[np.linalg.det(matrices) > 0.05]
    u, _, vt = np.linalg.svd(matrices)
    w, x, y, z = np.asarray(nearest_quaternions(jnp.asarray(matrices, jnp.float32))).T
    np.testing.assert_allclose(Rotation.from_quat(np.stack([x, y, z, w], axis=1)).as_matrix(), u @ vt, atol=1e-4)
    inside_out = jnp.asarray(np.diag([1.0, 1.0, -1.0])[None], jnp.float32)
    np.testing.assert_allclose(nearest_quaternions(inside_out), [[1.0, 0.0, 0.0, 0.0]], atol=1e-6)


def test_products_of_quaternions_are_products_of_rotations():
    first, second = Rotation.random(6, random_state=1), Rotation.random(6, random_state=2)
    ours = product(*(jnp.asarray(np.roll(r.as_quat(), 1, axis=1), jnp.float32) for r in (first, second)))
    theirs = np.roll((first * second).as_quat(), 1, axis=1)
    np.testing.assert_allclose(np.abs(np.sum(np.asarray(ours) * theirs, axis=1)), 1.0, atol=1e-5)
