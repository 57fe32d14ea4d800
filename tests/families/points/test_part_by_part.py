"""Codes of several slots at once: every point follows that of its own part."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.points.part_by_part import Worn, part_by_part
from pegasus_jax.inference import load
from tests.inference.untrained import write_run


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Points in a row along x, 0.01 head units apart; the person's own hair is their end."""
    points = load(write_run(tmp_path_factory.mktemp("avatar")).run).canonical().points
    count = len(points.nearest)
    row = np.zeros((count, 3), np.float32)
    row[:, 0] = 0.01 * np.arange(count)
    return changed(points, range(count - 8, count), x_fc=jnp.asarray(row), opacity=jnp.ones(count))


def changed(points, part, **values):
    logit = np.full(len(points.nearest), -2.0, np.float32)
    logit[list(part)] = 2.0
    return dataclasses.replace(points, seg_logit=jnp.asarray(logit), **values)


def coloured(points, part, albedo):
    return changed(points, part, albedo=jnp.full_like(points.albedo, albedo))


def worn(points, *, replaces_own=False, known=None):
    looks, nearness = ([points], np.ones(1)) if known is None else (known, np.full(len(known), 1 / len(known)))
    return Worn(points, looks, nearness, replaces_own)


def test_a_look_alone_is_as_the_networks_have_it(filmed):
    look = coloured(filmed, range(4), 0.9)
    out = part_by_part(filmed, {"nose": worn(look)})
    np.testing.assert_allclose(out.albedo, look.albedo, atol=1e-6)
    np.testing.assert_array_equal(out.seg_logit, look.seg_logit)
    assert part_by_part(filmed, {}) is filmed


def test_of_two_looks_each_has_its_part(filmed):
    nose, mouth = coloured(filmed, range(4), 0.9), coloured(filmed, range(16, 20), 0.1)
    out = np.asarray(part_by_part(filmed, {"nose": worn(nose), "mouth": worn(mouth)}).albedo)
    np.testing.assert_allclose(out[:4], 0.9, atol=1e-6)
    np.testing.assert_allclose(out[16:20], 0.1, atol=1e-6)


def test_what_a_drawn_code_does_off_its_part_does_not_count(filmed):
    look = coloured(filmed, range(4), 0.5)
    wild = changed(filmed, range(4), albedo=jnp.full_like(filmed.albedo, 0.9), x_fc=filmed.x_fc + 0.001)
    out = part_by_part(filmed, {"nose": worn(wild, known=[filmed, look])})
    np.testing.assert_allclose(out.albedo[:4], 0.9, atol=1e-6)
    between = 0.5 * (filmed.albedo + look.albedo)
    np.testing.assert_allclose(out.albedo[-8:], between[-8:], atol=1e-6)
    np.testing.assert_allclose(out.x_fc[-8:], filmed.x_fc[-8:], atol=1e-6)


def test_hair_has_its_say_where_the_persons_own_was(filmed):
    look = coloured(filmed, range(4), 0.5)
    gone = changed(filmed, range(4), opacity=filmed.opacity.at[-8:].set(0.0))
    for replaces_own, opacity in ((True, 0.0), (False, 1.0)):
        out = part_by_part(filmed, {"hair": worn(gone, known=[filmed, look], replaces_own=replaces_own)})
        np.testing.assert_allclose(out.opacity[-8:], opacity, atol=1e-6)


def test_a_code_that_no_cue_tells_a_part_of_has_its_say_everywhere(filmed):
    wild = coloured(filmed, range(0), 0.9)
    out = part_by_part(filmed, {"nose": worn(wild, known=[filmed, filmed])})
    np.testing.assert_allclose(out.albedo, 0.9, atol=1e-6)
