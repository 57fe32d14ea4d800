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
from pegasus_jax.data.frames import take
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import CAST
from pegasus_jax.flame import builtin_head
from pegasus_jax.models import latents
from pegasus_jax.models.head_space import head_space
from pegasus_jax.models.networks import flame_canonical
from pegasus_jax.training import loop
from pegasus_jax.training.joining import newcomers
from pegasus_jax.training.settings import from_config, with_looks
from pegasus_jax.training.videos import load_videos
from pegasus_jax.training.visual_hull import hull_points

COUNT = 600


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
    settings = dataclasses.replace(settings, image_size=48, cloud=dataclasses.replace(settings.cloud, hull_points=0))
    videos = load_videos([read_dataset(root / name) for name in wearings], settings)
    space = jax.tree.map(jnp.asarray, head_space(head, jnp.asarray(videos.expression_c)))
    graphdef, state = loop.initial_state(settings, space, videos)
    return graphdef, state, space, videos


def flame_points(run, points, look: int) -> np.ndarray:
    graphdef, state, _, _ = run
    networks = nnx.merge(graphdef, state.params.networks)
    return np.asarray(flame_canonical(networks, jnp.asarray(points), latents.flatten(networks.latents.latent(look))))


def test_long_hair_gets_points_where_its_look_shows_it_and_the_nose_gets_none(run):
    _, state, space, videos = run
    found = newcomers(*run, count=COUNT, seed=0)
    assert 100 < len(found) <= COUNT + 30
    under_hair = flame_points(run, found, 1)
    radius = float(state.cloud.radius) / float(videos.own.cameras.ndc_per_unit().mean())
    existing = scipy.spatial.cKDTree(flame_points(run, state.params.points, 1))
    hair = take(videos.train, np.flatnonzero(videos.train.look == 1))
    wanted = hull_points(space, hair, COUNT, np.random.default_rng([0, 1]))
    bare = wanted[existing.query(wanted)[0] > radius]
    assert len(bare) > 100, "the bald person's points are not there"
    np.testing.assert_allclose(under_hair[: len(bare)], bare, atol=2e-3)
    assert len(found) - len(bare) < 0.1 * len(found), "another nose has the same outline"


def test_the_same_seed_finds_the_same(run):
    np.testing.assert_array_equal(newcomers(*run, count=COUNT, seed=0), newcomers(*run, count=COUNT, seed=0))
    assert newcomers(*run, count=0, seed=0).shape == (0, 3)
