"""Points for looks that show more than the person as filmed: where they do, and nowhere else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
from flax import nnx

from pegasus_jax.core import latents, leaves
from pegasus_jax.families.points import joining
from pegasus_jax.families.points.visual_hull import hull_points

COUNT = 400


@pytest.fixture(scope="module")
def found(joining_run):
    clouds, points, _, videos, radius = joining_run
    return joining.newcomers(clouds, points, videos, count=COUNT, radius=radius, seed=0)


def test_long_hair_gets_points_where_its_look_shows_it_and_the_nose_gets_few(joining_run, found):
    clouds, points, _, videos, radius = joining_run
    wanted = hull_points(clouds.space, videos.sample(1), COUNT, np.random.default_rng([0, 1]))
    existing = scipy.spatial.cKDTree(np.asarray(clouds.flame_canonical(points, 1)))
    bare = wanted[existing.query(wanted)[0] > radius]
    assert 50 < len(bare) <= COUNT
    np.testing.assert_allclose(clouds.flame_canonical(jnp.asarray(found[: len(bare)]), 1), bare, atol=2e-3)
    assert len(found) - len(bare) < 0.2 * len(found), "another nose has the same outline"


def test_long_hair_is_there_under_its_own_look_alone(joining_run, found):
    clouds, points, _, videos, _ = joining_run
    everything = jnp.concatenate([points, jnp.asarray(found)])
    labels = joining.shown(clouds, everything, len(points), videos)
    assert labels.shape == (3, len(everything)) and labels[0, : len(points)].all()
    assert labels[1, len(points) :].mean() > 0.95 and labels[0, len(points) :].mean() < 0.7
    np.testing.assert_array_equal(labels[0, len(points) :], labels[2, len(points) :])

    fitted = joining.fit_presence(clouds, everything, labels, seed=0)
    merged = nnx.merge(clouds.graphdef, fitted)
    for look, wanted in enumerate(labels):
        z = latents.flatten(merged.latents.latent(look))
        opacity = np.asarray(jax.nn.sigmoid(merged.presence(clouds.subject_canonical(everything, look), z)))
        assert ((opacity > 0.5) == wanted).mean() > 0.93
    before, after = (dict(leaves.flat(state)) for state in (clouds.networks, fitted))
    changed = {name.split(".")[0] for name in before if np.any(before[name] != after[name])}
    assert changed == {"presence"}


def test_nothing_joins_where_every_place_has_a_point(joining_run):
    clouds, points, _, videos, _ = joining_run
    assert joining.newcomers(clouds, points, videos, count=COUNT, radius=10.0, seed=0).shape == (0, 3)
