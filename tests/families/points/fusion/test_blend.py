"""What the filler takes from the target around it."""

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.points.fusion.blend import blend, blending
from pegasus_jax.families.points.render import FramePoints

SIDE = 24


@pytest.fixture(scope="module")
def places():
    """Points of a grid in the plane, a hundredth apart."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return 0.01 * np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1).astype(np.float32)


def frame(positions, *, albedo, normal=(0.0, 0.0, 1.0)):
    count = len(positions)
    return FramePoints(
        positions_d=jnp.asarray(positions),
        normals_d=jnp.tile(jnp.asarray(normal, jnp.float32), (count, 1)),
        shading=jnp.full((count, 3), 0.5),
        albedo=jnp.asarray(albedo, jnp.float32),
        seg_logit=jnp.zeros(count),
        opacity=jnp.ones(count),
        inner=jnp.zeros(count, bool),
        radius=jnp.ones(count),
        alive=None,
    )


def test_filler_looks_like_the_target_and_the_rest_like_itself(places):
    filler = places[:, 0] < 0.05
    by = blending(filler, places, places, np.ones(len(places), bool))
    np.testing.assert_array_equal(by.rows[: filler.sum()], np.flatnonzero(filler))
    source = frame(places, albedo=np.full((len(places), 3), 0.1), normal=(1.0, 0.0, 0.0))
    target = frame(places, albedo=np.full((len(places), 3), 0.9))
    out = blend(source, target, by)
    np.testing.assert_allclose(out.albedo[:, 0], np.where(filler, 0.9, 0.1), atol=1e-6)
    np.testing.assert_allclose(out.normals_d[:, 2], filler, atol=1e-6)
    np.testing.assert_array_equal(out.positions_d, source.positions_d)


def test_colour_changes_gradually_along_a_border_of_two_colours(places):
    """The nearest point alone would jump by the whole difference between neighbours."""
    lends = places[:, 0] >= 0.05
    albedo = np.repeat((places[:, 1:2] > 0.115).astype(np.float32), 3, axis=1)
    out = blend(frame(places, albedo=albedo), frame(places, albedo=albedo), blending(~lends, places, places, lends))
    column = np.asarray(out.albedo).reshape(SIDE, SIDE, 3)[2, :, 0]
    assert column[0] < 1e-6 and column[-1] > 1.0 - 1e-6
    assert np.abs(np.diff(column)).max() < 0.4


def test_only_lenders_lend(places):
    lends = places[:, 1] < 0.1
    albedo = np.where(lends[:, None], [0.2, 0.2, 0.2], [0.8, 0.8, 0.8])
    everyone = np.ones(len(places), bool)
    out = blend(frame(places, albedo=albedo), frame(places, albedo=albedo), blending(everyone, places, places, lends))
    np.testing.assert_allclose(out.albedo, 0.2, atol=1e-6)


def test_no_filler_changes_nothing(places):
    nobody = np.zeros(len(places), bool)
    source = frame(places, albedo=np.full((len(places), 3), 0.3))
    out = blend(source, source, blending(nobody, places, places, ~nobody))
    np.testing.assert_allclose(out.albedo, source.albedo)
    np.testing.assert_allclose(out.normals_d, source.normals_d)
