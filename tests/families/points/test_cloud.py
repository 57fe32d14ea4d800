"""The life of the point cloud against spec section 6, with every count and position told by NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pegasus_jax.families.free_points.initial import sphere_points
from pegasus_jax.families.points import cloud
from pegasus_jax.families.points.cloud import CloudSchedule
from tests.training.states import random_state, with_cloud

KEY = jax.random.key(5)
PUBLISHED_RADII = (
    *(0.168750, 0.126562, 0.094922, 0.071191, 0.053394, 0.040045, 0.030034),
    *(0.022525, 0.016894, 0.012671, 0.009503, 0.007127, 0.005345, 0.004009),
)


def schedule(**changes) -> CloudSchedule:
    values = {
        "init": "sphere",
        "init_points": 32,
        "init_radius": 0.1,
        "max_points": 96,
        "min_radius": 0.01,
        "radius_factor": 0.75,
        "period": 10,
        "nearest_period": 10,
        "prune_above": 0.0,
    }
    return CloudSchedule(**(values | changes))


def seen(count: int, rows) -> jax.Array:
    return jnp.zeros(count, bool).at[jnp.asarray(rows)].set(True)


def test_the_published_radii():
    assert cloud.published_init_radius(400) == pytest.approx(PUBLISHED_RADII[0])
    published = schedule(init_points=4, max_points=10**6, min_radius=0.005, prune_above=0.006)
    state = random_state(4, radius=PUBLISHED_RADII[0])
    radii = [PUBLISHED_RADII[0]]
    for change in range(14):
        one = with_cloud(random_state(4, seed=change), radius=state.primitives.radius, visible=jnp.ones(4, bool))
        state = cloud.change_cloud(one, published, KEY)
        radii.append(float(state.primitives.radius))
    np.testing.assert_allclose(radii[:14], PUBLISHED_RADII, atol=6e-7)
    assert radii[14] == radii[13], "below min_radius it stays"


def test_the_sphere_has_the_cubes_directions():
    points = sphere_points(20_000, np.random.default_rng(0))
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 0.5, rtol=1e-6)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=0.01)
    towards_corners = np.mean(np.sum(np.abs(points), axis=1)) / 0.5
    uniform_on_sphere = 1.5
    assert towards_corners > uniform_on_sphere + 0.02


def test_surface_points_are_spread_evenly_over_triangles_by_size():
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 2, 0], [0, 0, 5], [1, 0, 5], [0, 1, 5]], np.float32)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    part = np.array([0, 0, 0, 1, 1, 1])
    points, point_part = cloud.surface_points(
        vertices, faces, part, 700, np.random.default_rng(0), fineness=np.ones(6), areas=np.array([3.0, 0.5])
    )
    large, small = points[point_part == 0], points[point_part == 1]
    np.testing.assert_allclose(large[:, 2], 0.0, atol=1e-6)
    np.testing.assert_allclose(small[:, 2], 5.0, rtol=1e-6)
    assert (large[:, 0] / 3 + large[:, 1] / 2).max() <= 1 + 1e-6 and large.min() >= 0
    assert len(points) == 700
    large_share, small_share = 3**0.75, 0.5**0.75
    assert len(large) == pytest.approx(700 * large_share / (large_share + small_share), abs=1)
    distance = np.linalg.norm(large[:, None] - large[None], axis=-1) + 9 * np.eye(len(large))
    random_spacing = 0.5 * np.sqrt(3 / len(large))  # mean distance to the nearest of as many random points
    assert distance.min() > random_spacing


def test_pruning_keeps_exactly_the_points_that_were_seen_and_doubles_them():
    state = random_state(32)
    kept = [3, 4, 11, 30]
    changed = cloud.change_cloud(with_cloud(state, visible=seen(32, kept)), schedule(), KEY)
    alive = np.asarray(changed.primitives.alive)
    assert alive.sum() == 2 * len(kept) and alive[: 2 * len(kept)].all()
    np.testing.assert_array_equal(changed.params.points[:4], state.params.points[jnp.asarray(kept)])
    assert not changed.primitives.visible.any()
    assert changed.primitives.changes == 1


def test_empty_slots_do_not_come_back_even_if_marked_as_seen():
    state = with_cloud(random_state(32), visible=jnp.ones(32, bool), alive=seen(32, [0, 7]))
    changed = cloud.change_cloud(state, schedule(), KEY)
    assert int(changed.primitives.alive.sum()) == 4
    np.testing.assert_array_equal(changed.params.points[:2], state.params.points[jnp.asarray([0, 7])])


def test_nothing_is_pruned_below_the_radius_of_the_last_pruning():
    changed = cloud.change_cloud(random_state(32, radius=0.05), schedule(prune_above=0.06), KEY)
    assert int(changed.primitives.alive.sum()) == 64


def test_copies_lie_within_half_the_old_radius_of_their_parents():
    state = with_cloud(random_state(32, radius=0.1), visible=jnp.ones(32, bool))
    changed = cloud.change_cloud(state, schedule(), KEY)
    distance = np.abs(np.asarray(changed.params.points[32:64] - state.params.points))
    assert 0.5 * 0.075 < distance.max() <= 0.5 * 0.1 + 1e-7, "the old radius, not the next one"
    assert (distance.min(axis=1) > 0).all()
    assert float(changed.primitives.radius) == pytest.approx(0.075)


def test_the_last_slots_fill_where_points_of_a_part_stand_far_apart():
    """A line of points, sparse in its middle, beside which there are many of another part."""
    line = np.concatenate([np.arange(8) * 0.1, 1.2 + 0.5 * np.arange(4), 3.2 + np.arange(8) * 0.1])
    places = np.zeros((32, 3), np.float32)
    places[:20, 0], places[20:, 0], places[20:, 1] = line, np.linspace(1.5, 1.6, 12), 0.01
    state = random_state(32)
    state = dataclasses.replace(state, params=dataclasses.replace(state.params, points=jnp.asarray(places)))
    state = with_cloud(state, visible=jnp.ones(32, bool), part=jnp.asarray([0] * 20 + [1] * 12))
    changed = cloud.change_cloud(state, schedule(max_points=36, fills_gaps=True), KEY)
    assert int(changed.primitives.alive.sum()) == 36
    new = np.asarray(changed.params.points[32:36, 0])
    assert ((line[7] < new) & (new < line[12])).all() and len(np.unique(new)) == 4
    np.testing.assert_array_equal(changed.primitives.part[32:36], 0)


def test_copies_of_small_points_stay_closer():
    state = with_cloud(random_state(32, radius=0.1), visible=jnp.ones(32, bool))
    scale = jnp.where(jnp.arange(32) < 16, 0.5, 1.0)
    changed = cloud.change_cloud(state, schedule(), KEY, scale=scale)
    distance = np.abs(np.asarray(changed.params.points[32:64] - state.params.points)).max(axis=1)
    assert 0.02 < distance[:16].max() <= 0.025 + 1e-7
    assert 0.04 < distance[16:].max() <= 0.05 + 1e-7


def test_where_points_are_half_as_large_four_times_as_many_start():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [1, 0, 5], [0, 1, 5]], np.float32)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    fineness = np.array([1, 1, 1, 0.5, 0.5, 0.5])
    rng = np.random.default_rng(0)
    part, areas = np.zeros(6, int), np.full(2, 0.5)
    points, _ = cloud.surface_points(vertices, faces, part, 500, rng, fineness=fineness, areas=areas)
    assert np.mean(points[:, 2] > 2) == pytest.approx(0.8, abs=0.03)


def test_a_triangle_that_stretches_gets_points_for_its_largest_size():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [1, 0, 5], [0, 1, 5]], np.float32)
    faces, areas = np.array([[0, 1, 2], [3, 4, 5]]), np.array([0.5, 0.5 * 16])
    rng = np.random.default_rng(0)
    points, _ = cloud.surface_points(vertices, faces, np.zeros(6, int), 500, rng, fineness=np.ones(6), areas=areas)
    assert np.mean(points[:, 2] > 2) == pytest.approx(8 / 9, abs=0.03)


def test_growth_fills_to_the_maximum_with_distinct_parents():
    state = with_cloud(random_state(64), visible=jnp.ones(64, bool))
    changed = cloud.change_cloud(state, schedule(), KEY)
    assert changed.primitives.capacity == int(changed.primitives.alive.sum()) == 96
    children = np.asarray(changed.params.points[64:96])
    gaps = np.abs(children[:, None] - np.asarray(state.params.points)[None]).max(axis=2)
    parents = gaps.argmin(axis=1)
    assert (gaps.min(axis=1) <= 0.05 + 1e-7).all()
    assert len(set(parents.tolist())) == 32
    assert not np.array_equal(parents, np.arange(32)), "random parents, not the first ones"


def test_a_full_cloud_whose_points_were_all_seen_only_shrinks():
    state = with_cloud(random_state(96), visible=jnp.ones(96, bool))
    changed = cloud.change_cloud(state, schedule(), KEY)
    np.testing.assert_array_equal(changed.params.points, state.params.points)
    assert float(changed.primitives.radius) == pytest.approx(0.075)


def test_moments_follow_survivors_and_start_at_zero_for_copies():
    state = random_state(32)
    kept = jnp.asarray([1, 8, 9])
    changed = cloud.change_cloud(with_cloud(state, visible=seen(32, kept)), schedule(), KEY)
    for name in ("mu", "nu"):
        before, after = getattr(state.moments, name).points, getattr(changed.moments, name).points
        np.testing.assert_array_equal(after[:3], before[kept])
        assert not after[3:].any()
    np.testing.assert_array_equal(changed.params.networks["w"][...], state.params.networks["w"][...])


def test_copies_take_over_their_parents_nearest_vertex_and_part():
    numbers = jnp.arange(32, dtype=jnp.int32)
    state = with_cloud(
        random_state(32), visible=seen(32, [4, 6]), nearest=numbers[None], part=(numbers == 6).astype(jnp.int32)
    )
    changed = cloud.change_cloud(state, schedule(), KEY).primitives
    np.testing.assert_array_equal(changed.nearest[:, :4], [[4, 6, 4, 6]])
    np.testing.assert_array_equal(changed.part[:4], [0, 1, 0, 1])


def test_spared_points_are_kept_unseen():
    state = with_cloud(random_state(32), visible=seen(32, [4]))
    changed = cloud.change_cloud(state, schedule(), KEY, spared=np.asarray(seen(32, [9])))
    np.testing.assert_array_equal(changed.params.points[:2], state.params.points[jnp.asarray([4, 9])])
    assert int(changed.primitives.alive.sum()) == 4


def test_capacities_are_few_and_hold_what_they_must():
    capacities = {count: cloud.bucket(count, schedule()) for count in range(97)}
    assert set(capacities.values()) == {32, 64, 96}
    assert all(capacity >= count for count, capacity in capacities.items())


def test_the_same_key_decides_the_same_everywhere():
    state = with_cloud(random_state(64), visible=jnp.ones(64, bool))
    one, same, other = (
        cloud.change_cloud(state, schedule(), key).params.points for key in (KEY, KEY, jax.random.key(6))
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_cloud_that_nobody_saw_is_empty_and_says_so():
    changed = cloud.change_cloud(random_state(32), schedule(), KEY)
    assert not changed.primitives.alive.any()
    assert jnp.isfinite(changed.params.points).all()


def test_new_points_come_after_the_living_ones_and_start_afresh():
    state = with_cloud(random_state(8), alive=seen(8, [0, 2, 3, 7]), visible=seen(8, [2, 7]))
    points = np.random.default_rng(3).normal(size=(5, 3)).astype(np.float32)
    grown = cloud.add_points(state, schedule(init_points=8), points)
    assert grown.primitives.capacity == 16 and int(grown.primitives.alive.sum()) == 9
    np.testing.assert_array_equal(grown.params.points[:4], state.params.points[jnp.asarray([0, 2, 3, 7])])
    np.testing.assert_array_equal(grown.params.points[4:9], points)
    np.testing.assert_array_equal(grown.primitives.visible[:9], [False, True, False, True, *[False] * 5])
    np.testing.assert_array_equal(grown.primitives.part[4:9], 0)
    np.testing.assert_array_equal(grown.moments.mu.points[:4], state.moments.mu.points[jnp.asarray([0, 2, 3, 7])])
    np.testing.assert_array_equal(grown.moments.nu.points[4:], 0.0)
    assert int(grown.primitives.changes) == int(state.primitives.changes) + 1
    assert float(grown.primitives.radius) == float(state.primitives.radius)


def test_new_points_fill_the_room_there_is_and_no_more():
    state = random_state(32)
    points = np.ones((100, 3), np.float32)
    assert int(cloud.add_points(state, schedule(max_points=40), points).primitives.alive.sum()) == 40
    assert int(cloud.add_points(state, schedule(max_points=32), points).primitives.alive.sum()) == 32


def test_room_from_the_start_changes_no_point_and_stays_through_changes():
    state = random_state(8, radius=0.1)
    params, found = cloud.with_room(state.params, state.primitives, 20)
    moments = optax.scale_by_adam().init(params)
    roomy = dataclasses.replace(state, params=params, primitives=found, moments=moments)
    assert roomy.primitives.capacity == 20 and int(roomy.primitives.changes) == 0
    np.testing.assert_array_equal(roomy.primitives.alive, np.arange(20) < 8)
    np.testing.assert_array_equal(roomy.params.points[:8], state.params.points)
    kept = cloud.with_room(params, found, 10)
    assert kept[0] is params and kept[1] is found
    seen_all = with_cloud(roomy, visible=roomy.primitives.alive)
    grown = cloud.change_cloud(seen_all, schedule(init_points=8, max_points=20, least_capacity=20), KEY)
    assert grown.primitives.capacity == 20 and int(grown.primitives.alive.sum()) == 16
    np.testing.assert_array_equal(grown.params.points[:8], state.params.points)
