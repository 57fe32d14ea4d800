import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.initial_colours import with_initial_colours
from pegasus_jax.families.gaussians.params import initial_params

from . import small

SIDE = 48


def _start():
    rig, _ = small.rigged(600)
    return initial_params(rig, num_bases=0, hidden=4, key=jax.random.key(0)), rig


def test_gaussians_take_the_colour_of_the_pixels_that_show_them():
    params, rig = _start()
    images = np.zeros((3, SIDE, SIDE, 3), np.uint8)
    images[:, :, : SIDE // 2] = (200, 0, 0)
    images[:, :, SIDE // 2 :] = (0, 0, 200)
    batch = small.batch(images, np.full((3, SIDE, SIDE), 255, np.uint8), 3)
    batch.pose[:], batch.expression[:] = 0.0, 0.0
    coloured, hair = with_initial_colours(params, rig, batch, training_side=SIDE)
    face = np.asarray(rig.part) == parts.FACE
    x = np.asarray(rig.rest[0])  # the subject's left is the picture's right
    red, _, blue = np.asarray(coloured.colour)
    assert not hair.any(), "no mask shows any"
    assert np.allclose(red[face & (x < -0.2)], 200 / 255, atol=0.02)
    assert np.allclose(blue[face & (x > 0.2)], 200 / 255, atol=0.02)


def test_gaussians_under_the_mask_of_hair_are_hair():
    params, rig = _start()
    batch = small.batch(np.full((3, SIDE, SIDE, 3), 90, np.uint8), np.full((3, SIDE, SIDE), 255, np.uint8), 3)
    batch.pose[:], batch.expression[:] = 0.0, 0.0
    batch.seg[:, :, : SIDE // 2] = 255
    _, hair = with_initial_colours(params, rig, batch, training_side=SIDE)
    inside = np.isin(np.asarray(rig.part), parts.INSIDE)
    x = np.asarray(rig.rest[0])
    assert (hair[~inside & (x < -0.2)] > 0.9).all() and (hair[~inside & (x > 0.2)] < 0.1).all()
    assert inside.any() and not hair[inside].any()


def test_one_odd_frame_does_not_count():
    params, rig = _start()
    images = np.full((5, SIDE, SIDE, 3), 100, np.uint8)
    images[2] = 255
    batch = small.batch(images, np.full((5, SIDE, SIDE), 255, np.uint8), 5)
    coloured, _ = with_initial_colours(params, rig, batch, training_side=SIDE)
    outside = ~np.isin(np.asarray(rig.part), (parts.MOUTH, parts.TEETH))
    assert np.allclose(np.median(np.asarray(coloured.colour)[:, outside], axis=1), 100 / 255, atol=1e-3)


def test_background_is_nobody_s_colour():
    params, rig = _start()
    images = np.full((3, SIDE, SIDE, 3), 255, np.uint8)
    images[:, 20:28, 20:28] = (40, 80, 120)
    matte = np.zeros((3, SIDE, SIDE), np.uint8)
    matte[:, 20:28, 20:28] = 255
    coloured, _ = with_initial_colours(params, rig, small.batch(images, matte, 3), training_side=SIDE)
    outside = ~np.isin(np.asarray(rig.part), (parts.MOUTH, parts.TEETH))
    assert np.asarray(coloured.colour)[:, outside].max() <= 120 / 255 + 1e-3


def test_a_clip_that_shows_nobody_leaves_grey():
    params, rig = _start()
    blank = small.batch(np.zeros((2, SIDE, SIDE, 3), np.uint8), np.zeros((2, SIDE, SIDE), np.uint8), 2)
    coloured, _ = with_initial_colours(params, rig, blank, training_side=SIDE)
    face = np.asarray(rig.part) == parts.FACE
    assert np.allclose(np.asarray(coloured.colour)[:, face], 0.5)
    assert np.isfinite(coloured.colour).all() and jnp.max(coloured.colour) <= 1.0
    assert dataclasses.replace(coloured, colour=params.colour).offset is params.offset
