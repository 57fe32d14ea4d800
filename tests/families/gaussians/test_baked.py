import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial.transform

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.drawing import draw_frame
from pegasus_jax.families.gaussians.posing import pose_gaussians
from pegasus_jax.families.gaussians.unseen import with_unseen_filled
from pegasus_jax.flame import builtin_head

from . import small


@pytest.fixture(scope="module")
def look():
    return some_look()


def some_look():
    """600 Gaussians, trained at 64 pixels as it were."""
    rig, binding = small.rigged(600)
    return _look(small.random_params(rig), rig, binding, side=64.0)


def _look(params, rig, binding, side):
    head = jax.tree.map(jnp.asarray, builtin_head())
    shape = jnp.zeros(100)
    return GaussianLook(params, rig, jax.tree.map(jnp.asarray, binding), head, shape, shape, jnp.float32(side))


def doing(seed=0):
    """A frame."""
    expression, pose = (jnp.asarray(array[0]) for array in small.motions(1, seed=seed))
    return FlameParams(jnp.zeros(100), expression, pose)


def test_a_look_draws_what_the_model_does(look):
    params, camera = doing(), small.camera(32)
    expected = draw_frame(look.params, look.rig, params.expression, params.pose, camera, training_side=64)
    found = look.render(params, camera)
    assert np.allclose(found.image, expected.image + 1.0 - expected.alpha[..., None], atol=1e-5)
    assert float(found.alpha.max()) > 0.3


def test_extra_numbers_are_blended_like_colours(look):
    found = look.render(doing(), small.camera(32), extra=look.base_colours)
    still = dataclasses.replace(look.params, bases=jax.tree.map(jnp.zeros_like, look.params.bases))
    plain = dataclasses.replace(look, params=still).render(doing(), small.camera(32), extra=look.base_colours)
    assert np.allclose(plain.extra, plain.image - 1.0 + plain.alpha[..., None], atol=1e-5)
    assert found.extra.shape == (32, 32, 3)


def test_primitives_have_the_covariances_that_are_drawn(look):
    shapes = look.primitives(doing(), small.camera())
    posed = pose_gaussians(look.params, look.rig, doing().expression, doing().pose)
    factors = np.moveaxis(np.asarray(posed.factors, np.float64), 2, 0)
    turn = scipy.spatial.transform.Rotation.from_quat(np.roll(np.asarray(shapes.quaternions), -1, axis=1)).as_matrix()
    scaled = turn * np.asarray(shapes.scales)[:, None]
    assert np.allclose(scaled @ np.swapaxes(scaled, 1, 2), factors @ np.swapaxes(factors, 1, 2), atol=1e-7)
    assert np.allclose(shapes.means, np.asarray(posed.means).T)
    assert (np.asarray(shapes.normals)[:, 2] > -0.5).all()  # towards the camera, which is at +z


def test_anchors_are_near_the_canonical_head(look):
    quiet = dataclasses.replace(look, params=dataclasses.replace(look.params, offset=0.0 * look.params.offset))
    still = dataclasses.replace(quiet.params, bases=jax.tree.map(jnp.zeros_like, look.params.bases))
    quiet = dataclasses.replace(quiet, params=still)
    distance = np.linalg.norm(quiet.anchors - quiet.head_vertices[quiet.vertices], axis=1)
    assert distance.max() < 0.1 and np.median(distance) < 0.02


def test_edits_change_what_they_name(look):
    blank = look.edited(opacities=jnp.zeros(600)).render(doing(), small.camera(32))
    assert float(blank.alpha.max()) == 0.0
    red = jnp.tile(jnp.array([[1.0, 0.0, 0.0]]), (600, 1))
    assert np.array_equal(look.edited(colours=red).base_colours, red)
    moved = look.edited(offsets=jnp.tile(jnp.array([[0.0, 0.1, 0.0]]), (600, 1)))
    rest = FlameParams(jnp.zeros(100), jnp.zeros(50), jnp.zeros(15))
    change = moved.primitives(rest, small.camera()).means - look.primitives(rest, small.camera()).means
    assert np.allclose(change, [[0.0, 0.1, 0.0]], atol=1e-5)


def test_two_avatars_of_one_size_compile_once(look):
    draw = jax.jit(lambda look, doing: look.render(doing, small.camera(32)).image)
    for side in (64.0, 256.0):
        draw(_look(look.params, look.rig, look.binding, side), doing())
    assert draw._cache_size() == 1


@pytest.fixture(scope="module")
def trained(look):
    return look.params, look.rig


def test_the_unseen_takes_its_neighbours_colours_and_no_correction(trained):
    params, rig = trained
    part = np.asarray(rig.part)
    shown = np.ones(600, bool)
    unseen = np.flatnonzero(part == parts.SCALP)[:20]
    shown[unseen] = False
    green = dataclasses.replace(params, colour=jnp.tile(jnp.array([[0.0], [1.0], [0.0]]), (1, 600)))
    noisy = dataclasses.replace(green, colour=green.colour.at[:, unseen].set(jnp.array([[1.0], [0.0], [1.0]])))
    filled = with_unseen_filled(noisy, rig, shown)
    assert np.array_equal(filled.colour, green.colour)
    assert not np.asarray(filled.bases.colour)[..., unseen].any()
    assert np.array_equal(
        np.delete(filled.bases.colour, unseen, axis=2), np.delete(params.bases.colour, unseen, axis=2)
    )


def test_the_inside_of_the_mouth_keeps_its_own_colours(trained):
    params, rig = trained
    inside = np.isin(np.asarray(rig.part), (parts.MOUTH, parts.TEETH, parts.EYEBALL))
    filled = with_unseen_filled(params, rig, ~inside)
    assert np.array_equal(filled.colour, params.colour)


def test_on_another_shape_each_gaussian_stays_on_its_triangle(look):
    betas = np.zeros(100, np.float32)
    betas[:4] = [2.0, -1.5, 1.0, 2.0]
    moved = look.edited(offsets=np.full((600, 3), 0.01)).on_shape(betas)
    before, after = (one.primitives(doing(), small.camera()).means for one in (look, moved))
    assert np.abs(np.asarray(after - before)).max() > 0.02
    apart = np.abs(moved.anchors - look.anchors - 0.01)  # told on the mean shape, wherever it is drawn
    assert np.median(apart) < 1e-3 and apart.max() < 0.02
    assert np.array_equal(moved.betas, look.betas)
    back = moved.on_shape(np.zeros(100)).edited(offsets=np.full((600, 3), -0.01))
    assert np.allclose(back.primitives(doing(), small.camera()).means, before, atol=1e-5)
