"""Baked points against the points that they are made of."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import frame_motion, head_space
from pegasus_jax.families.points.baked_points import bake_points, pose_baked, tangent_frame
from pegasus_jax.families.points.motion_modes import TOLERANCE, feature_moments, principal_modes
from pegasus_jax.families.points.posing import pose_points
from tests.families.points.test_posing import SMALL, canonical_points, random_motion, randomised
from tests.heads import random_head


@pytest.fixture(scope="module")
def space():
    return head_space(random_head(200, seed=0), 0.3 * jax.random.normal(jax.random.key(3), (50,)))


@pytest.fixture(scope="module", params=[False, True], ids=["networks_alone", "head_prior"])
def look(request, space):
    networks = randomised(dataclasses.replace(SMALL, head_prior=request.param))
    points, _ = canonical_points(networks, space, 0.3 * jax.random.normal(jax.random.key(5), (500, 3)))
    return points, networks.deformation.bases(), request.param


@pytest.mark.parametrize("dtype, positions, normals", [("float32", 2e-4, 1e-3), ("float16", 4e-3, 0.05)])
def test_baked_points_move_and_turn_as_the_networks_say(space, look, dtype, positions, normals):
    points, bases, head_prior = look
    motion = frame_motion(space, FlameParams(*random_motion(2)))
    expected = pose_points(points, bases, motion, head_prior=head_prior, normals=True)
    got = pose_baked(bake_points(points, bases, dtype=dtype).rest, motion, head_prior=head_prior)
    np.testing.assert_allclose(got.positions_d, expected.positions_d, atol=positions)
    angle = np.linalg.norm(np.asarray(got.normals_d - expected.normals_d), axis=1)
    assert np.quantile(angle, 0.99) < normals


def test_a_map_that_turns_space_inside_out_turns_normals_too(space, look):
    points, bases, _ = look
    mirrored = jnp.array([-1.0, 1.0, 1.0])  # along x
    rest, by_x = points.rest, points.rest_by_x_sc
    points = dataclasses.replace(
        points,
        rest=dataclasses.replace(rest, positions_rest=rest.positions_rest * mirrored[None]),
        rest_by_x_sc=dataclasses.replace(by_x, positions_rest=by_x.positions_rest * mirrored[None, None]),
    )
    motion = frame_motion(space, FlameParams(*random_motion(2)))
    expected = pose_points(points, bases, motion, head_prior=False, normals=True).normals_d
    got = pose_baked(bake_points(points, bases, dtype="float32").rest, motion, head_prior=False).normals_d
    agreement = np.sum(np.asarray(got * expected), axis=1)
    assert (agreement > 0.999).mean() > 0.97  # some points lie where the map is singular


def test_frames_are_right_handed_and_orthonormal():
    normals = np.random.default_rng(0).normal(size=(200, 3))
    normals = np.vstack([normals / np.linalg.norm(normals, axis=1, keepdims=True), np.eye(3), -np.eye(3)])
    frames = np.asarray(tangent_frame(jnp.asarray(normals, jnp.float32)), float)
    np.testing.assert_allclose(frames @ np.swapaxes(frames, 1, 2), np.tile(np.eye(3), (206, 1, 1)), atol=2e-6)
    np.testing.assert_allclose(np.linalg.det(frames), 1.0, atol=2e-6)
    np.testing.assert_array_equal(tangent_frame(jnp.zeros((1, 3))), 0.0)


def test_what_the_modes_leave_out_is_below_the_tolerance(look):
    points, bases, _ = look
    features = np.asarray(points.rest.features)
    mixed = features.copy()
    mixed[:, 3:] = features[:, :3] @ np.random.default_rng(0).normal(size=(3, features.shape[1] - 3))
    rest = dataclasses.replace(points.rest, features=jnp.asarray(mixed))
    still = jax.tree.map(jnp.zeros_like, points.rest_by_x_sc)
    mode_map, modes = principal_modes(bases, np.asarray(feature_moments(rest, still)))
    assert mode_map.shape == (17, 8), "three features and the bias need four modes, in steps of eight"
    shares = np.hstack([mixed, np.ones((len(mixed), 1))])
    pose, expression = random_motion(3)[2], random_motion(3)[1]
    pose = jnp.resize(pose, 36)
    expected = shares @ np.asarray(bases.motion(pose, expression))
    got = shares @ mode_map @ np.asarray(modes.motion(pose, expression))
    length = float(jnp.sqrt(jnp.sum(pose**2) + jnp.sum(expression**2)))
    assert np.sqrt(np.mean(np.sum((got - expected) ** 2, axis=1))) < TOLERANCE * length
