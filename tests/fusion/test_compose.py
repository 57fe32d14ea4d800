"""Whose points are shown: segmentation cues on a strip of points above a strip of vertices."""

import dataclasses
import types

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.fusion import compose

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


LEFT = np.arange(COUNT) < 20


def test_neighbours_overrule_single_points():
    points, _ = strip(of(LEFT, wrong=(10, 33)))
    np.testing.assert_array_equal(compose.own_part_points(points, "hair"), LEFT)


def test_what_a_look_has_faded_out_neither_votes_nor_is_worn():
    ghosts = np.arange(COUNT) % 4 > 0  # three of four, whose cue says the opposite
    points, _ = strip(of(LEFT, wrong=np.flatnonzero(ghosts)), opacity=np.where(ghosts, 0.01, 1.0))
    worn, _ = compose.worn_points(points, "hair")
    assert worn[:16][~ghosts[:16]].all() and not worn[24:].any()
    assert not worn[ghosts].any()


def test_the_border_wears_the_colour_of_what_is_clear():
    logits = np.where(LEFT, np.arange(20, -20, -1) * 0.5, -2.0)
    points, _ = strip(logits)
    worn, clear = compose.worn_points(points, "hair")
    np.testing.assert_array_equal(np.flatnonzero(clear), np.arange(17))
    skin = np.arange(COUNT)[:, None] >= 17
    coloured = types.SimpleNamespace(**vars(points), albedo=np.where(skin, 0.9, 0.1) * np.ones(3, np.float32))
    part = compose.Part(worn, clear, removed=worn, filler=~worn)
    pure = compose.purer(dataclass_of(coloured), part)
    np.testing.assert_allclose(np.asarray(pure.albedo)[worn], 0.1, atol=1e-6)
    np.testing.assert_allclose(np.asarray(pure.albedo)[~worn], 0.9, atol=1e-6)


def test_what_is_worn_is_opaque():
    points, _ = strip(of(LEFT), opacity=0.6)
    worn, clear = compose.worn_points(points, "hair")
    coloured = types.SimpleNamespace(**vars(points), albedo=np.zeros((COUNT, 3), np.float32))
    pure = compose.purer(dataclass_of(coloured), compose.Part(worn, clear, removed=worn, filler=~worn))
    np.testing.assert_allclose(pure.opacity, np.where(worn, 1.0, 0.6), atol=1e-6)


@pytest.mark.parametrize(("part", "told"), [(np.zeros(COUNT, bool), "nothing"), (np.ones(COUNT, bool), "everything")])
def test_a_cue_that_has_learned_nothing_is_one_sentence(part, told):
    points, _ = strip(of(part))
    with pytest.raises(UserError, match=f"source's segmentation cue takes {told} for nose: .*train the source longer"):
        compose.worn_points(points, "nose")


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


def test_hair_that_stands_higher_than_a_hat_beside_it_goes_and_the_rest_stays():
    points, space = strip(of(LEFT))
    x = np.array([5.0, 6.0, 7.0, 30.0], np.float32)
    above = np.array([0.05, 0.0, 0.05, 0.05], np.float32)
    places = np.stack([x, above, np.zeros(4)], axis=1).astype(np.float32)
    target = types.SimpleNamespace(x_fc=places, nearest=x.astype(int))
    hair = np.array([True, True, False, True])
    out = compose.sticking_out(space, points, LEFT, target, hair)
    np.testing.assert_array_equal(out, [True, False, False, False])
