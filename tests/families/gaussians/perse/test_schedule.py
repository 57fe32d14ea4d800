"""How many points there are and how fine: the published table, and what prunes and refills."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from pegasus_jax.core.model import TrainState
from pegasus_jax.families.gaussians.perse.schedule import FINE_JITTER, Schedule
from pegasus_jax.families.gaussians.perse.state import Bookkeeping, Params, at_epoch, with_points

# Epoch -> points and rho, as published.
TABLE = {
    0: (400, 0.084375),
    5: (800, 0.063281),
    10: (1600, 0.047461),
    15: (3200, 0.035596),
    20: (6400, 0.026697),
    25: (10_000, 0.020023),
    30: (20_000, 0.015017),
    35: (20_000, 0.015017),
    40: (40_000, 0.011263),
    45: (40_000, 0.011263),
    50: (80_000, 0.008447),
    55: (80_000, 0.008447),
    60: (130_000, 0.0076023),
    65: (130_000, 0.005702),
    70: (130_000, 0.004276),
    90: (130_000, 0.001353),
    110: (130_000, 0.000428),
}


@pytest.mark.parametrize("epoch", TABLE)
def test_the_table_is_the_published_one(epoch):
    count, floor = TABLE[epoch]
    schedule = Schedule(init="sphere")
    assert schedule.target(epoch, 400) == count
    assert schedule.floor(epoch, 400) == pytest.approx(floor, rel=2e-3)
    assert schedule.floor(epoch + 4, 400) == schedule.floor(epoch, 400)


def test_a_run_that_starts_on_the_head_enters_the_table_later():
    schedule = Schedule()
    assert [schedule.target(epoch, 5023) for epoch in (0, 15, 20, 25)] == [5023, 5023, 6400, 10_000]
    assert schedule.floor(0, 5023) == schedule.floor(15, 5023) == pytest.approx(0.0295, rel=5e-3)
    assert schedule.floor(20, 5023) == pytest.approx(0.026697, rel=1e-3)


def test_copies_lie_as_far_away_as_the_floor_until_the_last_target():
    schedule = Schedule()
    assert schedule.jitter(20, 400) == schedule.floor(19, 400)
    assert schedule.jitter(60, 400) == schedule.floor(59, 400) and schedule.jitter(65, 400) == FINE_JITTER
    released = Schedule(fine_jitter_after=100)
    assert released.jitter(100, 400) > 1e-4 and released.jitter(105, 400) == FINE_JITTER
    assert released.jitter(70, 400) == released.floor(69, 400)


def _state(opaque) -> TrainState:
    count = len(opaque)
    points = jnp.arange(3.0 * count).reshape(count, 3)
    params = Params(nnx.State({}), points, None)
    ones = Params(nnx.State({}), jnp.ones((count, 3)) * jnp.arange(1.0, count + 1.0)[:, None], None)
    moments = optax.ScaleByAdamState(jnp.int32(7), ones, ones)
    kept = Bookkeeping(jnp.asarray(opaque), jnp.float32(0.1), jnp.int32(0))
    return TrainState(jnp.int32(0), params, moments, kept, jnp.int32(16))


SCHEDULE = Schedule(period=2, targets=((0, 4), (2, 8)))


def test_opaque_points_stay_with_their_moments_and_copies_lie_beside_them():
    state = _state([True, False, True, True])
    changed = at_epoch(state, SCHEDULE, epoch=2, first=4, key=jax.random.key(0))
    points, moments = np.asarray(changed.params.points), np.asarray(changed.moments.mu.points)
    np.testing.assert_array_equal(points[:3], state.params.points[jnp.array([0, 2, 3])])
    np.testing.assert_array_equal(moments[:, 0], [1.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    beside = np.abs(points[3:, None] - points[None, :3]).max(axis=2).min(axis=1)
    assert (beside > 0).all() and (beside <= 0.5 * SCHEDULE.floor(1, 4) + 1e-6).all()
    assert not changed.primitives.opaque.any() and changed.primitives.opaque.shape == (8,)
    assert changed.primitives.epoch == 2 and changed.primitives.floor < state.primitives.floor * 10
    assert changed.moments.count == 7


def test_between_periods_only_flags_are_cleared():
    state = _state([True, False, True, True])
    changed = at_epoch(state, SCHEDULE, epoch=1, first=4, key=jax.random.key(0))
    np.testing.assert_array_equal(changed.params.points, state.params.points)
    assert not changed.primitives.opaque.any() and changed.primitives.epoch == 1


def test_if_nothing_was_opaque_all_stay():
    changed = at_epoch(_state([False] * 4), SCHEDULE, epoch=2, first=4, key=jax.random.key(0))
    np.testing.assert_array_equal(changed.params.points[:4], _state([False] * 4).params.points)


def test_a_larger_state_has_the_shapes_of_one():
    larger = with_points(_state([True] * 4), 8)
    assert larger.params.points.shape == larger.moments.nu.points.shape == (8, 3)
    assert larger.primitives.opaque.shape == (8,)
