"""Whose points are shown: segmentation cues on a strip of points above a strip of vertices."""

import types

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.fusion import compose

COUNT = 40


def strip(logits):
    """Points along x, a unit apart, and the head vertices under them."""
    places = np.stack([np.arange(COUNT), np.zeros(COUNT), np.zeros(COUNT)], axis=1).astype(np.float32)
    points = types.SimpleNamespace(x_fc=places, seg_logit=np.asarray(logits), nearest=np.arange(COUNT))
    return points, types.SimpleNamespace(vertices_fc=places)


def of(part, *, wrong=()):
    logits = np.where(part, 2.0, -2.0)
    logits[list(wrong)] *= -1.0
    return logits


LEFT = np.arange(COUNT) < 20


def test_neighbours_overrule_single_points():
    points, _ = strip(of(LEFT, wrong=(10, 33)))
    np.testing.assert_array_equal(compose.own_part_points(points, "hair"), LEFT)


def test_the_source_keeps_back_from_its_border():
    points, _ = strip(of(LEFT))
    worn = compose.worn_points(points, "hair")
    assert worn[:16].all() and not worn[18:].any(), "within four points of the border some vote against it"


@pytest.mark.parametrize(("part", "told"), [(np.zeros(COUNT, bool), "nothing"), (np.ones(COUNT, bool), "everything")])
def test_a_cue_that_has_learned_nothing_is_one_sentence(part, told):
    points, _ = strip(of(part))
    with pytest.raises(UserError, match=f"source's segmentation cue takes {told} for nose: .*train the source longer"):
        compose.worn_points(points, "nose")


def test_a_bald_target_loses_nothing_and_one_that_is_all_hair_is_refused():
    assert not compose.own_part_points(strip(of(np.zeros(COUNT, bool)))[0], "hair").any()
    with pytest.raises(UserError, match="target's segmentation cue takes everything for hair, so nothing of the pers"):
        compose.own_part_points(strip(of(np.ones(COUNT, bool)))[0], "hair")


def test_the_target_loses_what_lies_where_the_source_covers_the_head():
    points, space = strip(of(LEFT))
    target = types.SimpleNamespace(nearest=np.array([2, 37, 5]))
    np.testing.assert_array_equal(compose.points_under(space, points, LEFT, target), [True, False, True])
