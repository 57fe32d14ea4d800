"""Which points of the source fill the gap that the target's part leaves."""

import types

import numpy as np

from pegasus_jax.families.points.fusion import fill

SIDE = 40  # vertices and points lie on a grid, a hundredth of a head unit apart; the back is where x is large


def grid(height=0.0):
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return 0.01 * np.stack([x.ravel(), y.ravel(), np.full(x.size, 100.0 * height)], axis=1).astype(np.float32)


def scene(heights=0.0):
    places = grid()
    back = places[:, 0] > 0.3
    space = types.SimpleNamespace(vertices_fc=places, head=types.SimpleNamespace(regions={"back_of_head": back}))
    points = types.SimpleNamespace(
        x_fc=places + np.array([0.0, 0.0, 1.0], np.float32) * np.reshape(heights, (-1, 1)),
        nearest=np.arange(len(places)),
        inner=np.zeros(len(places), bool),
        opacity=np.ones(len(places), np.float32),
    )
    return space, points, places


def test_filler_is_free_and_near_to_what_was_lost_but_for_the_back():
    space, points, places = scene()
    lost = (places[:, 0] < 0.1) | (places[:, 0] > 0.34)
    free = places[:, 1] > 0.2
    found = fill.candidates(space, points, free, lost)
    assert found[free & (places[:, 0] < 0.1)].all()
    assert not found[~free].any()
    assert not found[places[:, 0] > 0.2].any(), "neither far from what was lost, nor at the back of the head"


def test_what_stands_off_the_head_is_hair_that_the_cue_has_missed():
    high = np.where(np.arange(SIDE * SIDE) % 2, 0.0, 0.12).astype(np.float32)
    space, points, places = scene(high)
    everywhere = np.ones(len(places), bool)
    found = fill.candidates(space, points, everywhere, places[:, 0] < 0.1)
    assert found.any() and not found[high > 0].any()


def test_inner_points_do_not_fill():
    space, points, places = scene()
    points.inner[:] = True
    assert not fill.candidates(space, points, np.ones(len(places), bool), places[:, 0] < 0.1).any()


def test_what_a_look_has_faded_out_does_not_fill():
    space, points, places = scene()
    points.opacity[::2] = 0.1
    found = fill.candidates(space, points, np.ones(len(places), bool), places[:, 0] < 0.1)
    assert found[1::2].any() and not found[::2].any()


def test_nothing_lost_needs_no_filler():
    space, points, places = scene()
    nowhere = np.zeros(len(places), bool)
    assert not fill.candidates(space, points, ~nowhere, nowhere).any()


def test_lost_vertices_are_those_under_removed_points():
    target = types.SimpleNamespace(nearest=np.array([4, 2, 4]))
    removed = np.array([True, False, True])
    np.testing.assert_array_equal(fill.lost_vertices(target, removed, 6), [False, False, False, False, True, False])


def test_there_is_no_second_skin_over_the_targets_own():
    places = grid()
    kept = places[places[:, 0] < 0.2]
    filler = np.ones(len(places), bool)
    room = fill.with_room(filler, places, kept)
    assert not room[places[:, 0] < 0.2].any()
    assert room[places[:, 0] > 0.22].all()
    np.testing.assert_array_equal(fill.with_room(filler, places, places[:0]), filler)
