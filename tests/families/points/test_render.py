"""From posed points to pictures: what the compositing takes from points, on two discs at one pixel."""

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.points.render import CHANNELS, INNER_SETBACK, FramePoints, RenderOptions, render_points

SIDE = 16
RED, BLUE = [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]


def render(
    closer: float,
    inner: list[bool],
    *,
    shading: float = 0.5,
    scale: float = 1.0,
    distance: float = 0.0,
    ndc_per_unit: float | None = None,
):
    """A red point at depth 2 and a blue one `closer` to the camera, which is `distance` before the world's origin."""
    positions = jnp.array([[0.0, 0.0, 2.0 - distance], [0.0, 0.0, 2.0 - distance - closer]])
    points = FramePoints(
        positions_d=positions,
        normals_d=jnp.tile(jnp.array([0.0, 0.0, -1.0]), (2, 1)),
        shading=jnp.full((2, 3), shading),
        albedo=jnp.array([RED, BLUE]),
        seg_logit=jnp.array([1.0, -1.0]),
        opacity=jnp.ones(2),
        inner=jnp.array(inner),
        radius=jnp.full(2, 0.5 * scale),
        alive=None,
    )
    camera = Camera(jnp.eye(4)[:3].at[2, 3].set(distance), jnp.array([16.0, 16.0, 8.0, 8.0]), (SIDE, SIDE))
    options = RenderOptions(channels=tuple(CHANNELS), backend="reference")
    trained_at = None if ndc_per_unit is None else jnp.float32(ndc_per_unit)
    return render_points(points, camera, options=options, ndc_per_unit=trained_at)


@pytest.mark.parametrize(
    ("closer", "inner", "front"),
    [
        (0.1, [False, False], "blue"),
        (0.5 * INNER_SETBACK, [False, True], "red"),
        (2.0 * INNER_SETBACK, [False, True], "blue"),
        (0.5 * INNER_SETBACK, [True, True], "blue"),
    ],
    ids=["as_it_lies", "an_eyeball_just_before_its_lid", "an_eyeball_clearly_before", "two_inner_points"],
)
def test_what_lies_before_what(closer, inner, front):
    middle = np.asarray(render(closer, inner).image)[SIDE // 2, SIDE // 2]
    assert (middle[2] > middle[0]) == (front == "blue")


def test_points_are_drawn_at_their_share_of_the_radius():
    whole, half = (np.asarray(render(0.1, [False, False], scale=scale).alpha) > 0 for scale in (1.0, 0.5))
    assert half.sum() == pytest.approx(whole.sum() / 4, rel=0.2)


def test_points_grow_as_the_camera_comes_closer_than_those_of_training():
    plain = np.asarray(render(0.1, [False, False], scale=0.5).alpha)
    # The camera of these tests looks along z from the origin: nothing but the ratio matters.
    here = Camera(jnp.eye(4)[:3].at[2, 3].set(2.0), jnp.array([16.0, 16.0, 8.0, 8.0]), (SIDE, SIDE)).ndc_per_unit()
    assert float(here) == 1.0
    for trained_at, factor in ((1.0, 1.0), (0.5, 2.0)):
        drawn = np.asarray(render(0.1, [False, False], scale=0.5 / factor, distance=2.0, ndc_per_unit=trained_at).alpha)
        np.testing.assert_allclose(drawn, plain, atol=1e-6)


def test_channels_of_what_is_drawn_and_of_what_is_not():
    out = render(0.1, [False, True])
    assert out.inner.shape == out.alpha.shape == (SIDE, SIDE)
    assert out.alpha[0, 0] == 0.0
    np.testing.assert_array_equal(out.image[0, 0], 1.0)
    assert out.seg_logit[0, 0] == out.inner[0, 0] == 0.0
    assert 0.5 < out.inner[SIDE // 2, SIDE // 2] <= out.alpha.max()


def test_colour_is_twice_shading_times_albedo_at_most_one():
    half = render(0.1, [False, False])
    np.testing.assert_allclose(half.image, half.albedo, atol=1e-6)
    np.testing.assert_allclose(render(0.1, [False, False], shading=50.0).image, 1.0, atol=1e-6)
