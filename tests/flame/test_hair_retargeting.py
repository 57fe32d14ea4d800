"""Hair on another head, against the cast's, which is built anew on every head."""

import dataclasses

import numpy as np
import pytest
import scipy.spatial

from pegasus_jax.demo import hair
from pegasus_jax.demo.anatomy import Anatomy
from pegasus_jax.demo.people import person
from pegasus_jax.demo.skull import Skull
from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.hair_retargeting import hair_motion, retarget_hair
from pegasus_jax.inference import load
from tests.inference.untrained import write_run

HEAD = builtin_head()
SCALP, EARS = HEAD.regions["scalp"], HEAD.regions["ears"]


def head_of(name):
    return np.asarray(HEAD.v_template) + np.asarray(HEAD.shapedirs) @ person(name).shape


def hair_on(name, owner):
    anatomy = Anatomy.of(HEAD)
    return hair.build(person(owner).hair, Skull.of(anatomy, head_of(name))).vertices


def errors(owner, wearer):
    """Root mean squares of how far hair is from the exact one: draped, and moved as the nearest skin is."""
    own, exact = hair_on(owner, owner), hair_on(wearer, owner)
    vertices, motion = head_of(owner), head_of(wearer) - head_of(owner)
    with_skin = motion[scipy.spatial.cKDTree(vertices).query(own)[1]]
    draped = hair_motion(own, vertices, motion, with_skin, scalp=SCALP, ears=EARS)
    return [np.sqrt(np.mean(np.sum((own + moved - exact) ** 2, axis=1))) for moved in (draped, with_skin)]


@pytest.mark.parametrize(("owner", "wearer"), [("ada", "ben"), ("ada", "dan"), ("cleo", "ben"), ("cleo", "dan")])
def test_draped_hair_is_closer_to_the_exact_one_than_hair_that_moves_with_the_nearest_skin(owner, wearer):
    draped, with_skin = errors(owner, wearer)
    assert draped < 0.9 * with_skin


def test_hair_that_rests_on_ears_gives_way_to_larger_ones():
    """Ears alone grow by a fifth of their distance from the middle: hair beside them moves out as much."""
    own, vertices = hair_on("ada", "ada"), head_of("ada")
    motion = np.where(EARS[:, None], [0.2, 0.0, 0.0] * vertices, 0.0)
    still = np.zeros_like(own)
    moved = hair_motion(own, vertices, motion, still, scalp=SCALP, ears=EARS)
    grown = 0.2 * np.abs(vertices[EARS, 0]).max()
    height = vertices[EARS, 1].mean()
    beside = (np.abs(own[:, 1] - height) < 0.05) & (np.abs(own[:, 0]) > 0.95 * np.abs(vertices[EARS, 0]).max())
    np.testing.assert_allclose(np.abs(moved[beside, 0]).max(), grown, rtol=0.1)
    assert (np.sign(moved[beside, 0]) == np.sign(own[beside, 0])).all()
    crown = own[:, 1] > 0.9 * own[:, 1].max()
    assert crown.any() and np.abs(moved[crown]).max() < 0.05 * grown
    without = hair_motion(own, vertices, motion, still, scalp=SCALP, ears=np.zeros_like(EARS))
    np.testing.assert_allclose(without, 0.0, atol=1e-7)


def test_short_hair_that_ends_above_the_ears_does_not_give_way():
    own, vertices = hair_on("ada", "ada"), head_of("ada")
    short = own[own[:, 1] > vertices[EARS, 1].mean() - 0.01]
    motion = np.where(EARS[:, None], [0.2, 0.0, 0.0] * vertices, 0.0)
    moved = hair_motion(short, vertices, motion, np.zeros_like(short), scalp=SCALP, ears=EARS)
    np.testing.assert_allclose(moved, 0.0, atol=1e-7)


def test_smaller_ears_leave_it_where_it_is():
    own, vertices = hair_on("ada", "ada"), head_of("ada")
    motion = np.where(EARS[:, None], [-0.2, 0.0, 0.0] * vertices, 0.0)
    np.testing.assert_allclose(
        hair_motion(own, vertices, motion, np.zeros_like(own), scalp=SCALP, ears=EARS), 0.0, atol=1e-7
    )


@pytest.fixture(scope="module")
def canonical(tmp_path_factory):
    """An avatar whose head's scalp is its upper half."""
    avatar = load(write_run(tmp_path_factory.mktemp("donor")).run).canonical()
    above = np.asarray(avatar.space.vertices_fc)[:, 1]
    return of_head(avatar, regions={"scalp": above > np.median(above)})


def of_head(avatar, **changes):
    head = dataclasses.replace(avatar.space.head, **changes)
    return dataclasses.replace(avatar, space=dataclasses.replace(avatar.space, head=head))


def added(avatar, is_hair, by):
    points, own = avatar.points, np.zeros(100)
    space, place, near = avatar.space, np.asarray(points.x_fc), np.asarray(points.nearest)
    return retarget_hair(space.head, np.asarray(space.vertices_fc), place, near, is_hair, own=own, other=own + by)


def test_only_hair_is_draped_and_only_on_another_head(canonical):
    points = np.asarray(canonical.points.x_fc)
    is_hair, by = points[:, 1] < np.median(points[:, 1]), np.random.default_rng(3).normal(size=100)
    offset = added(canonical, is_hair, by)
    np.testing.assert_array_equal(offset[~is_hair], 0.0)
    assert np.abs(offset).max() > 1e-3
    np.testing.assert_allclose(added(canonical, is_hair, 0.0 * by), 0.0, atol=1e-7)


def test_without_hair_or_a_named_scalp_nothing_is(canonical):
    nothing, by = np.zeros(len(canonical.points.x_fc), bool), np.ones(100)
    np.testing.assert_array_equal(added(canonical, nothing, by), 0.0)
    np.testing.assert_array_equal(added(of_head(canonical, regions={}), ~nothing, by), 0.0)
