import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.gaussians import losses, parts
from pegasus_jax.families.gaussians.params import initial_log_scale, initial_params

from . import small


@pytest.fixture(scope="module")
def start():
    rig, _ = small.rigged(300)
    return initial_params(rig, num_bases=0, hidden=4, key=jax.random.key(0)), rig


def test_emphasis_counts_a_pixel_as_often_as_it_says():
    picture, target = jnp.zeros((1, 2, 2, 3)), jnp.zeros((1, 2, 2, 3)).at[0, 0, 0].set(0.4)
    emphasis = jnp.zeros((1, 2, 2)).at[0, 0, 0].set(1.0)
    assert np.isclose(losses.emphasised_l1(picture, target, emphasis, gain=4.0), 5 * 0.4 / 4)
    assert np.isclose(losses.emphasised_l1(picture, target, 0 * emphasis, gain=4.0), 0.4 / 4)


def test_priors_are_zero_at_the_start(start):
    params, rig = start
    assert losses.offset_prior(params) == 0.0
    assert losses.size_prior(params, rig) == 0.0
    assert losses.needle_prior(params) == 0.0


def test_growth_is_free_up_to_a_factor(start):
    params, rig = start
    grown = lambda by: dataclasses.replace(params, log_scale=initial_log_scale(rig) + by)  # noqa: E731
    assert losses.size_prior(grown(0.89), rig) == 0.0
    assert np.isclose(losses.size_prior(grown(1.4), rig), 0.25, rtol=1e-3)


def test_needles_are_those_with_one_long_axis(start):
    params, _ = start
    shaped = lambda *scale: dataclasses.replace(  # noqa: E731
        params, log_scale=jnp.tile(jnp.array(scale)[:, None], (1, 300))
    )
    for disc in ((0.0, 0.0, -5.0), (-5.0, 0.0, 0.0)):
        assert losses.needle_prior(shaped(*disc)) == 0.0
    for needle in ((2.2, 0.0, 0.0), (0.0, -3.0, 2.2)):
        assert np.isclose(losses.needle_prior(shaped(*needle)), 1.0, rtol=1e-5)


def test_dissimilarity_is_zero_for_the_same_and_more_for_the_different():
    rng = np.random.default_rng(0)
    picture = jnp.asarray(rng.uniform(size=(2, 16, 16, 3)), jnp.float32)
    assert abs(float(losses.dissimilarity(picture, picture))) < 1e-6
    assert losses.dissimilarity(picture, 1.0 - picture) > 1.0


def test_colours_are_held_to_the_first_ones_most_of_all_inside_the_mouth(start):
    params, rig = start
    inside = np.isin(np.asarray(rig.part), (parts.MOUTH, parts.TEETH))
    assert losses.colour_prior(params, rig, params.colour) == 0.0
    moved = lambda where: dataclasses.replace(params, colour=params.colour + 0.1 * jnp.asarray(where)[None])  # noqa: E731
    held, free = (float(losses.colour_prior(moved(where), rig, params.colour)) for where in (inside, ~inside))
    assert np.isclose(held, 0.03 * inside.mean(), rtol=1e-4)
    assert 0.0 < free / (~inside).sum() < 0.15 * held / inside.sum()


def test_nothing_shines_through_skin_at_the_start(start):
    params, rig = start
    opacities = np.asarray(jax.nn.sigmoid(params.opacity_logit))
    skin = np.isin(np.asarray(rig.part), (parts.SKIN, parts.FACE, parts.FEATURE))
    assert opacities[skin].min() > 0.85 and opacities[np.asarray(rig.part) == parts.SCALP].max() < 0.7
