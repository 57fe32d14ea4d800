"""A part on another head: it has its own shape, and nothing else has."""

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.flame.model import POSE_SIZE
from pegasus_jax.inference import load
from pegasus_jax.synthesis.own_shape import own_shape_offsets
from tests.inference.untrained import write_run


@pytest.fixture(scope="module")
def donor(tmp_path_factory):
    return load(write_run(tmp_path_factory.mktemp("donor")).run).bake()


@pytest.fixture(scope="module")
def target_betas(donor):
    return donor.betas + jnp.asarray(np.random.default_rng(3).normal(size=100), jnp.float32)


def at_rest(avatar, betas):
    return np.asarray(
        avatar.frame_points(FlameParams(betas, avatar.space.expression_c, jnp.zeros(POSE_SIZE))).positions_d
    )


def part_of(donor):
    """The points (N,) bool nearest to one of them, a tenth of all, and how far each point (N,) is from them."""
    points = np.asarray(donor.points.x_fc)
    first = np.argsort(np.linalg.norm(points - points[0], axis=1))[: len(points) // 10]
    of_part = np.isin(np.arange(len(points)), first)
    return of_part, np.linalg.norm(points[:, None] - points[first][None], axis=-1).min(axis=1)


def test_a_part_has_its_own_shape_and_what_is_far_from_it_the_targets(donor, target_betas):
    of_part, distance = part_of(donor)
    kept = at_rest(donor.edited(offsets=own_shape_offsets(donor, of_part, target_betas)), target_betas)
    own, driven = at_rest(donor, donor.betas), at_rest(donor, target_betas)
    shift = (kept - own)[of_part]
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-5)
    assert np.ptp((driven - own)[of_part], axis=0).max() > 0.01, "else the two shapes would be the same anyway"
    far = distance > 0.081
    assert far.any()
    np.testing.assert_allclose(kept[far], driven[far], atol=1e-6)


def test_with_the_donors_shape_nothing_moves(donor):
    of_part, _ = part_of(donor)
    kept = donor.edited(offsets=own_shape_offsets(donor, of_part, donor.betas))
    np.testing.assert_allclose(at_rest(kept, donor.betas), at_rest(donor, donor.betas), atol=1e-6)


@pytest.mark.parametrize("is_part", [False, True])
def test_without_a_part_or_without_a_rest_the_target_says_all(donor, target_betas, is_part):
    every = np.full(len(donor.points.x_fc), is_part)
    assert not own_shape_offsets(donor, every, target_betas).any()
