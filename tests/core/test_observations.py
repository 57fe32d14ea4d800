"""What a picture shows of points: sums by compositing weight, compared with those of the picture's own weights."""

import dataclasses
import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.camera import Camera
from pegasus_jax.core.observations import back_project
from pegasus_jax.core.render import RenderOptions
from pegasus_jax.families.points.render import SHADING_GAIN, FramePoints, render_points

SIDE, COUNT = 24, 30
OPTIONS = RenderOptions()
CAMERA = Camera.from_imavatar(
    jnp.asarray([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -4]]),
    jnp.asarray([-2.6, 2.6, 0.5, 0.5]),
    image_size=(SIDE, SIDE),
)


@pytest.fixture(scope="module")
def points() -> FramePoints:
    rng = np.random.default_rng(0)
    return FramePoints(
        positions_d=jnp.asarray(rng.uniform(-0.6, 0.6, (COUNT, 3)), jnp.float32),
        normals_d=jnp.tile(jnp.asarray([0.0, 0.0, 1.0]), (COUNT, 1)),
        shading=jnp.asarray(rng.uniform(0.3, 0.6, (COUNT, 3)), jnp.float32),
        albedo=jnp.asarray(rng.uniform(0.1, 0.9, (COUNT, 3)), jnp.float32),
        seg_logit=jnp.zeros(COUNT),
        opacity=jnp.ones(COUNT),
        inner=jnp.zeros(COUNT, bool),
        radius=jnp.float32(0.2),
        alive=None,
    )


@pytest.fixture(scope="module")
def weights(points) -> np.ndarray:
    """(N, H, W): each point's compositing weight, as the picture in which it alone is 1."""
    options = RenderOptions(channels=("rgb", "seg_logit"))
    return np.stack(
        [
            render_points(dataclasses.replace(points, seg_logit=one), CAMERA, options=options).seg_logit
            for one in jnp.eye(COUNT)
        ]
    )


def observe(points, **seen):
    def draw(extra):
        return render_points(points, CAMERA, options=OPTIONS, extra=extra)

    return back_project(draw, SHADING_GAIN * points.shading, **seen)


def test_sums_are_those_of_compositing_weights(points, weights):
    rng = np.random.default_rng(1)
    image, matte, mask, counts = (rng.random((SIDE, SIDE, *last)).astype(np.float32) for last in ((3,), (), (), ()))
    got = observe(points, image=image, matte=matte, mask=mask, counts=counts)
    np.testing.assert_allclose(got.colour, np.einsum("nhw,hw,hwc->nc", weights, counts, image), rtol=1e-4, atol=1e-4)
    light = SHADING_GAIN * np.asarray(points.shading) * np.einsum("nhw,hw->n", weights, counts)[:, None]
    np.testing.assert_allclose(got.light, light, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(got.marked, np.einsum("nhw,hw,hw->n", weights, matte, mask), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(got.whole, np.einsum("nhw,hw->n", weights, matte), rtol=1e-4, atol=1e-4)


def test_a_picture_in_one_colour_gives_every_visible_point_that_albedo(points, weights):
    ones = np.ones((SIDE, SIDE), np.float32)
    tinted = dataclasses.replace(points, shading=jnp.full((COUNT, 3), 0.5))
    image = np.broadcast_to(np.float32([0.8, 0.4, 0.1]), (SIDE, SIDE, 3))
    got = observe(tinted, image=image, matte=ones, mask=ones, counts=ones)
    visible = weights.sum(axis=(1, 2)) > 0.1
    assert visible.sum() > COUNT / 2
    np.testing.assert_allclose(
        np.asarray(got.base_colours())[visible], image[:1, 0].repeat(visible.sum(), 0), rtol=1e-3
    )
    np.testing.assert_allclose(np.asarray(got.share())[visible], 1.0, rtol=1e-4)


def test_a_correction_brings_pictures_closer_to_the_frame_where_points_cover_it(points):
    truth = render_points(points, CAMERA, options=OPTIONS)
    frame = (truth.image - (1.0 - truth.alpha[..., None])) / jnp.maximum(truth.alpha[..., None], 1e-6)
    blank = np.zeros((SIDE, SIDE), np.float32)
    albedo = jnp.full((COUNT, 3), 0.5)
    errors = []
    for _ in range(12):
        guess = dataclasses.replace(points, albedo=albedo)
        errors.append(float(jnp.mean((render_points(guess, CAMERA, options=OPTIONS).image - truth.image) ** 2)))
        more = observe(guess, image=frame, matte=blank, mask=blank, counts=np.ones_like(blank), residual=True)
        albedo = more.corrected(albedo)
    assert all(after < before for before, after in itertools.pairwise(errors)) and errors[-1] < 0.1 * errors[0]


def test_what_nothing_shows_is_zero_and_finite(points):
    nothing = np.zeros((SIDE, SIDE), np.float32)
    got = observe(points, image=np.ones((SIDE, SIDE, 3)), matte=nothing, mask=nothing, counts=nothing)
    np.testing.assert_array_equal(got.base_colours(), 0.0)
    np.testing.assert_array_equal(got.share(), 0.0)
