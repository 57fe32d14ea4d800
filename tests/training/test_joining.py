"""Points for looks that show more than the person as filmed: where they do, and nowhere else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
from flax import nnx

from pegasus_jax import config
from pegasus_jax.data import read_dataset
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import CAST
from pegasus_jax.flame import builtin_head
from pegasus_jax.models import latents, leaves
from pegasus_jax.training import joining, loop
from pegasus_jax.training.settings import from_config, with_looks
from pegasus_jax.training.videos import load_videos
from pegasus_jax.training.visual_hull import HULL_FRAMES, hull_points

COUNT = 400


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A bald person, and the same with long hair and with another nose, before the first step."""
    root, head = tmp_path_factory.mktemp("joining"), builtin_head()
    wearings = {"dan": None, "hair": {"hair": CAST["ada"]}, "nose": {"nose": CAST["cleo"]}}
    for name, wearing in wearings.items():
        size = {"num_frames": 10, "image_size": (48, 48), "supersample": 1}
        write_clip(CAST["dan"], root / name, head=head, seed=0, wearing=wearing, **size)
    settings = from_config(config.load_config("configs/demo.py:quick"))
    settings = with_looks(settings, ("hair", "nose"), swapped=[root / "hair", root / "nose"])
    cloud = dataclasses.replace(settings.cloud, hull_points=COUNT, init_points=1024)
    settings = dataclasses.replace(settings, image_size=48, cloud=cloud)
    videos = load_videos([read_dataset(root / name) for name in wearings], settings)
    scene = loop.make_scene(head, videos, settings)
    graphdef, state = loop.initial_state(settings, scene.space, videos)
    clouds = joining.Clouds(graphdef, state.params.networks, scene.space)
    return (
        clouds,
        state.params.points,
        videos,
        float(state.cloud.radius) / videos.ndc_per_unit,
    )


@pytest.fixture(scope="module")
def found(run):
    clouds, points, videos, radius = run
    return joining.newcomers(clouds, points, videos, count=COUNT, radius=radius, seed=0)


def test_long_hair_gets_points_where_its_look_shows_it_and_the_nose_gets_few(run, found):
    clouds, points, videos, radius = run
    wanted = hull_points(clouds.space, videos.sample(1, HULL_FRAMES), COUNT, np.random.default_rng([0, 1]))
    existing = scipy.spatial.cKDTree(np.asarray(clouds.flame_canonical(points, 1)))
    bare = wanted[existing.query(wanted)[0] > radius]
    assert 50 < len(bare) <= COUNT
    np.testing.assert_allclose(clouds.flame_canonical(jnp.asarray(found[: len(bare)]), 1), bare, atol=2e-3)
    assert len(found) - len(bare) < 0.2 * len(found), "another nose has the same outline"


def test_long_hair_is_there_under_its_own_look_alone(run, found):
    clouds, points, videos, _ = run
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


def test_nothing_joins_where_every_place_has_a_point(run):
    clouds, points, videos, _ = run
    assert joining.newcomers(clouds, points, videos, count=COUNT, radius=10.0, seed=0).shape == (0, 3)
