import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.baked import bake
from pegasus_jax.families.gaussians.drawing import draw_frame
from pegasus_jax.families.gaussians.model import Settings, State
from pegasus_jax.families.gaussians.unseen import with_unseen_filled

from . import small


@pytest.fixture(scope="module")
def trained():
    rig, binding = small.rigged(600)
    return small.random_params(rig), State(rig, binding, jnp.ones(600))


def test_a_baked_look_draws_what_the_model_does(trained):
    params, state = trained
    baked = bake(params, state, Settings(training_side=64))
    expression, pose = (jnp.asarray(array[0]) for array in small.motions(1))
    camera = small.camera(32)
    expected = draw_frame(params, state.rig, expression, pose, camera, training_side=64)
    found = jax.jit(type(baked).render)(baked, expression, pose, camera)
    assert np.allclose(found.image, expected.image, atol=1e-5) and float(found.alpha.max()) > 0.3


def test_primitives_are_bound_ellipsoids(trained):
    params, state = trained
    baked = bake(params, state, Settings())
    shapes = jax.jit(type(baked).primitives)(baked, jnp.zeros(50), jnp.zeros(15))
    assert shapes.means.shape == (600, 3) and np.array_equal(shapes.faces_idx, state.binding.faces_idx)
    assert np.allclose(shapes.covariances, np.swapaxes(shapes.covariances, 1, 2), atol=1e-9)
    # At rest the frame is orthonormal: the ellipsoid's axes are the learned scales.
    still = dataclasses.replace(params, bases=jax.tree.map(jnp.zeros_like, params.bases))
    rest = bake(still, state, Settings()).primitives(jnp.zeros(50), jnp.zeros(15))
    deviations = np.sqrt(np.linalg.eigvalsh(np.asarray(rest.covariances, np.float64)))
    assert np.allclose(deviations, np.sort(np.exp(np.asarray(params.log_scale)).T, axis=1), rtol=1e-2)


def test_two_avatars_of_one_size_compile_once(trained):
    params, state = trained
    draw = jax.jit(lambda baked, expression, pose: baked.render(expression, pose, small.camera(32)).image)
    for side, factor in ((64, 1.0), (256, 0.5)):
        draw(
            bake(jax.tree.map(lambda leaf, k=factor: k * leaf, params), state, Settings(training_side=side)),
            jnp.zeros(50),
            jnp.zeros(15),
        )
    assert draw._cache_size() == 1


def test_the_unseen_takes_its_neighbours_colours_and_no_correction(trained):
    params, state = trained
    part = np.asarray(state.rig.part)
    shown = np.ones(600)
    unseen = np.flatnonzero(part == parts.SCALP)[:20]
    shown[unseen] = 0.0
    green = dataclasses.replace(params, colour=jnp.tile(jnp.array([[0.0], [1.0], [0.0]]), (1, 600)))
    noisy = dataclasses.replace(green, colour=green.colour.at[:, unseen].set(jnp.array([[1.0], [0.0], [1.0]])))
    filled = with_unseen_filled(noisy, state.rig, shown)
    assert np.array_equal(filled.colour, green.colour)
    assert not np.asarray(filled.bases.colour)[..., unseen].any()
    assert np.array_equal(
        np.delete(filled.bases.colour, unseen, axis=2), np.delete(params.bases.colour, unseen, axis=2)
    )


def test_the_inside_of_the_mouth_keeps_its_own_colours(trained):
    params, state = trained
    inside = np.isin(np.asarray(state.rig.part), (parts.MOUTH, parts.TEETH, parts.EYEBALL))
    filled = with_unseen_filled(params, state.rig, np.where(inside, 0.0, 1.0))
    assert np.array_equal(filled.colour, params.colour)
