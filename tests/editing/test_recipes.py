"""Recipes: which looks, in which order, in which words."""

import numpy as np
import pytest

from pegasus_jax.editing import Composition, Interpolation, Look, Sampling
from tests.editing.tables import trained_looks


@pytest.fixture(scope="module")
def trained():
    return trained_looks()


@pytest.fixture(scope="module")
def me(trained):
    return Look("me", trained.latent())


def test_a_composition_is_one_look(trained, me):
    recipe = Composition({"hair": "hair/ada", "nose": ("nose/ben", 0.3)})
    (look,) = recipe.looks(trained, me)
    assert look.how == "me with hair:hair/ada, nose:nose/ben:0.3" and recipe.order() == [0]
    expected = trained.compose(me.latent, recipe.swaps)
    assert all(np.array_equal(look.latent[name], expected[name]) for name in expected)


def test_an_interpolation_reaches_both_ends_in_every_slot(trained, me):
    recipe = Interpolation({"hair": ("hair/ada", "hair/cleo"), "nose": ("me", "nose/ben")}, steps=5)
    looks = recipe.looks(trained, me)
    assert (
        recipe.order() == [0, 1, 2, 3, 4]
        and looks[1].how == "me with hair:hair/ada>hair/cleo, nose:me>nose/ben at 0.25"
    )
    ada, cleo, ben = (trained.latent(name) for name in ("hair/ada", "hair/cleo", "nose/ben"))
    np.testing.assert_array_equal(looks[0].latent["hair"], ada["hair"])
    np.testing.assert_array_equal(looks[0].latent["nose"], me.latent["nose"])
    np.testing.assert_array_equal(looks[4].latent["hair"], cleo["hair"])
    np.testing.assert_array_equal(looks[4].latent["nose"], ben["nose"])
    middle = 0.5 * (np.asarray(ada["hair"]) + np.asarray(cleo["hair"]))
    np.testing.assert_allclose(looks[2].latent["hair"], middle, rtol=1e-5, atol=1e-6)
    assert all(np.array_equal(look.latent["eyes"], me.latent["eyes"]) for look in looks)


def test_ping_pong_goes_there_and_back():
    assert Interpolation({}, steps=3, ping_pong=True).order() == [
        0,
        1,
        2,
        2,
        1,
        0,
    ]  # frames l and 2 n - 1 - l are equal


def test_more_samples_and_more_categories_leave_the_first_ones_alone(trained, me):
    few = Sampling(["hair"], count=2, seed=5).looks(trained, me)
    many = Sampling(["hair"], count=4, seed=5).looks(trained, me)
    assert [look.how for look in few] == [f"me with hair sampled (seed 5, number {number})" for number in (1, 2)]
    for one, other in zip(few, many):
        np.testing.assert_array_equal(one.latent["hair"], other.latent["hair"])
    assert Sampling(["hair"], count=4, seed=5).order() == [0, 1, 2, 3]


def test_a_recipe_starts_from_any_look(trained):
    start = Look("mine", trained.latent("nose/ben"))
    (look,) = Composition({"hair": "hair/ada"}).looks(trained, start)
    assert look.how == "mine with hair:hair/ada"
    np.testing.assert_array_equal(look.latent["nose"], start.latent["nose"])
