"""Whose points are shown: segmentation cues on a strip of points above a strip of vertices."""

import dataclasses
import types

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.families.points.fusion import compose

COUNT = 40


def strip(logits, *, opacity=1.0):
    """Points along x, a unit apart, and the head vertices under them."""
    places = np.stack([np.arange(COUNT), np.zeros(COUNT), np.zeros(COUNT)], axis=1).astype(np.float32)
    points = types.SimpleNamespace(
        x_fc=places,
        seg_logit=np.asarray(logits),
        opacity=np.broadcast_to(opacity, COUNT).astype(np.float32),
        nearest=np.arange(COUNT),
    )
    return points, types.SimpleNamespace(vertices_fc=places)


def of(part, *, wrong=()):
    logits = np.where(part, 2.0, -2.0)
    logits[list(wrong)] *= -1.0
    return logits


def dataclass_of(fields):
    """The same fields as a dataclass, which canonical points are."""
    values = vars(fields)
    return dataclasses.make_dataclass("Points", list(values))(**values)


def part_of(worn, beside, clear):
    free = ~(worn | beside)
    return compose.Part(worn, beside, clear, removed=worn, filler=free, as_filmed=free & False)


LEFT = np.arange(COUNT) < 20


def test_neighbours_overrule_single_points():
    points, _ = strip(of(LEFT, wrong=(10, 33)))
    np.testing.assert_array_equal(compose.own_part_points(points, "hair"), LEFT)


def test_what_a_look_has_faded_out_neither_votes_nor_is_worn():
    ghosts = np.arange(COUNT) % 4 > 0  # three of four, whose cue says the opposite
    points, _ = strip(of(LEFT, wrong=np.flatnonzero(ghosts)), opacity=np.where(ghosts, 0.01, 1.0))
    worn, _, _ = compose.worn_points(points, "hair")
    assert worn[:16][~ghosts[:16]].all() and not worn[24:].any()
    assert not worn[ghosts].any()


def test_the_border_wears_the_colour_of_what_is_clear():
    logits = np.where(LEFT, np.arange(20, -20, -1) * 0.5, -2.0)
    points, _ = strip(logits)
    worn, beside, clear = compose.worn_points(points, "hair")
    np.testing.assert_array_equal(np.flatnonzero(clear), np.arange(17))
    skin = np.arange(COUNT)[:, None] >= 17
    coloured = types.SimpleNamespace(**vars(points), albedo=np.where(skin, 0.9, 0.1) * np.ones(3, np.float32))
    pure = compose.purer(dataclass_of(coloured), part_of(worn, beside, clear))
    np.testing.assert_allclose(np.asarray(pure.albedo)[worn | beside], 0.1, atol=1e-6)
    np.testing.assert_allclose(np.asarray(pure.albedo)[~(worn | beside)], 0.9, atol=1e-6)


def test_what_is_worn_is_opaque():
    points, _ = strip(of(LEFT), opacity=0.6)
    worn, beside, clear = compose.worn_points(points, "hair")
    coloured = types.SimpleNamespace(**vars(points), albedo=np.zeros((COUNT, 3), np.float32))
    pure = compose.purer(dataclass_of(coloured), part_of(worn, beside, clear))
    np.testing.assert_allclose(pure.opacity, np.where(worn | beside, 1.0, 0.6), atol=1e-6)


def test_what_the_cue_is_undecided_about_is_beside_the_part_and_nothing_else_is():
    points, _ = strip(of(LEFT))
    points.opacity[3] = 0.25  # hardly there
    worn, beside, _ = compose.worn_points(points, "hair")
    np.testing.assert_array_equal(np.flatnonzero(beside), [3, 20, 21])  # 4 and 3 of their 9 votes
    np.testing.assert_array_equal(worn, LEFT & ~beside)


@pytest.mark.parametrize(("part", "told"), [(np.zeros(COUNT, bool), "nothing"), (np.ones(COUNT, bool), "everything")])
def test_a_cue_that_has_learned_nothing_is_one_sentence(part, told):
    points, _ = strip(of(part))
    with pytest.raises(UserError, match=f"source's segmentation cue takes {told} for nose: .*train the source longer"):
        compose.worn_points(points, "nose")


def test_what_stands_off_the_scalp_is_hair_and_what_stands_off_the_rest_is_not():
    points, space = strip(of(LEFT))
    space.head = types.SimpleNamespace(num_vertices=COUNT, regions={"scalp": LEFT})
    points.x_fc = points.x_fc + np.where(np.arange(COUNT) % 2, 0.07, 0.05)[:, None] * np.array([0.0, 0.0, 1.0])
    np.testing.assert_array_equal(compose.off_the_scalp(space, points), LEFT & (np.arange(COUNT) % 2 == 1))
    space.head.regions = {}
    assert not compose.off_the_scalp(space, points).any()


def test_a_cue_that_takes_everything_tells_nothing():
    np.testing.assert_array_equal(compose.told_points(strip(of(LEFT))[0]), LEFT)
    assert not compose.told_points(strip(of(np.ones(COUNT, bool)))[0]).any()


def test_a_bald_target_loses_nothing_and_one_that_is_all_hair_is_refused():
    assert not compose.own_part_points(strip(of(np.zeros(COUNT, bool)))[0], "hair").any()
    with pytest.raises(UserError, match="target's segmentation cue takes everything for hair, so nothing of the pers"):
        compose.own_part_points(strip(of(np.ones(COUNT, bool)))[0], "hair")


def test_the_target_loses_what_lies_where_the_source_covers_the_head():
    points, space = strip(of(LEFT))
    target = types.SimpleNamespace(nearest=np.array([2, 37, 5]))
    np.testing.assert_array_equal(compose.points_under(space, points, LEFT, target), [True, False, True])


def test_a_speck_far_from_the_part_is_not_worn():
    points, _ = strip(of(LEFT))
    points.x_fc[0] -= [100.0, 0.0, 0.0]  # those nearest to it are of the part
    worn, _, _ = compose.worn_points(points, "hat")
    np.testing.assert_array_equal(np.flatnonzero(worn), np.arange(1, 20))


def test_hair_that_a_hat_would_be_over_goes_and_the_rest_stays():
    turn = np.linspace(0.0, 2.0 * np.pi, 200, endpoint=False)
    around = np.stack([np.sin(turn), np.cos(turn), np.zeros(200)], axis=1).astype(np.float32)
    space = types.SimpleNamespace(
        vertices_fc=np.concatenate([around, [[0.0, -50.0, 0.0]]]).astype(np.float32),
        head=types.SimpleNamespace(num_vertices=201, regions={"scalp": np.arange(201) < 200}),
    )
    hat = types.SimpleNamespace(x_fc=1.1 * around)
    worn = around[:, 1] > 0.0
    far, side = np.array([1.2, 2.0, 1.05, 1.2, 2.0]), np.array([0.0, 0.8, 0.0, 2.0, 3.0])  # radians from the crown
    places = far[:, None] * np.stack([np.sin(side), np.cos(side), np.zeros(5)], axis=1)
    target = types.SimpleNamespace(x_fc=places.astype(np.float32))
    under = compose.outside_of(space, hat, worn, target, np.ones(5, bool))
    np.testing.assert_array_equal(under, [True, True, False, False, False])
    assert not compose.outside_of(space, hat, worn, target, np.zeros(5, bool)).any(), "hair alone"
