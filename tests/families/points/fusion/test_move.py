"""Rigid motions of points in FLAME-canonical space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.points.fusion.move import moved_points, take
from pegasus_jax.families.points.mixed_points import mixed, weighted
from pegasus_jax.flame.canonical import canonical_pose
from tests.families.points.fusion.avatars import write_avatars

TURN, SHIFT = np.array([0.3, -0.2, 0.5], np.float32), np.array([0.1, 0.2, -0.3], np.float32)


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    _, source, _ = write_avatars(tmp_path_factory.mktemp("move"))
    return source.canonical()


def in_canonical_pose(baked, points):
    space = baked.space
    moved = type(baked)(**{**vars(baked), "points": points})
    return moved.frame_points(FlameParams(jnp.zeros(100), space.expression_c, jnp.asarray(canonical_pose())))


def test_in_the_canonical_pose_points_and_normals_turn_with_the_motion(baked):
    still = in_canonical_pose(baked, baked.points)
    moved = in_canonical_pose(baked, moved_points(baked.points, baked.space, jnp.concatenate([TURN, SHIFT])))
    rotation = Rotation.from_rotvec(TURN)
    np.testing.assert_allclose(moved.positions_d, rotation.apply(still.positions_d) + SHIFT, atol=1e-5)
    np.testing.assert_allclose(moved.normals_d, rotation.apply(still.normals_d), atol=1e-3)


def test_a_motion_of_nothing_changes_nothing(baked):
    moved = moved_points(baked.points, baked.space, jnp.zeros(6))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), moved, baked.points)


def test_each_point_may_have_its_own_motion(baked):
    motions = np.zeros((len(baked.points.x_fc), 6), np.float32)
    motions[::2, 3:] = SHIFT
    moved = moved_points(baked.points, baked.space, jnp.asarray(motions))
    offset = np.asarray(moved.x_fc - baked.points.x_fc)
    np.testing.assert_allclose(offset[::2], np.broadcast_to(SHIFT, offset[::2].shape), atol=1e-6)
    np.testing.assert_allclose(offset[1::2], 0.0, atol=1e-6)


def test_taking_points_takes_their_derivatives_too(baked):
    some = take(baked.points, jnp.array([7, 3]))
    assert some.rest_by_x_sc.features.shape == (3, 2, *baked.points.rest.features.shape[1:])
    np.testing.assert_array_equal(some.x_fc[1], baked.points.x_fc[3])
    np.testing.assert_array_equal(
        some.rest_by_x_sc.positions_rest[:, 0], baked.points.rest_by_x_sc.positions_rest[:, 7]
    )


def test_each_point_may_come_whole_from_one_of_two_looks(baked):
    others = moved_points(baked.points, baked.space, jnp.concatenate([TURN, SHIFT]))
    these = np.arange(len(baked.points.x_fc)) % 3 == 0
    both = mixed([baked.points, others], weighted(np.stack([these, ~these])))
    for rows, points in ((np.flatnonzero(these), baked.points), (np.flatnonzero(~these), others)):
        jax.tree.map(np.testing.assert_array_equal, take(both, rows), take(points, rows))
