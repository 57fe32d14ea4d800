"""A run of three clips before its first step, for all tests of this folder that look at how looks join."""

import dataclasses
from typing import NamedTuple

import jax
import pytest

from pegasus_jax import config
from pegasus_jax.core.model import TrainState, initial_state
from pegasus_jax.data import read_dataset
from pegasus_jax.data.videos import Videos
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import CAST
from pegasus_jax.families.points.clouds import Clouds
from pegasus_jax.flame import builtin_head
from pegasus_jax.training import loop
from pegasus_jax.training.settings import from_config, with_looks
from pegasus_jax.training.videos import load_videos


class Joining(NamedTuple):
    """A bald person, and the same with long hair and with another nose, before the first step."""

    clouds: Clouds
    points: jax.Array
    state: TrainState
    videos: Videos
    radius: float  # head units


@pytest.fixture(scope="session")
def joining_run(tmp_path_factory) -> Joining:
    root, head = tmp_path_factory.mktemp("joining"), builtin_head()
    wearings = {"dan": None, "hair": {"hair": CAST["ada"]}, "nose": {"nose": CAST["cleo"]}}
    for name, wearing in wearings.items():
        size = {"num_frames": 10, "image_size": (48, 48), "supersample": 1}
        write_clip(CAST["dan"], root / name, head=head, seed=0, wearing=wearing, **size)
    settings = from_config(config.load_config("configs/demo.py:quick"))
    settings = with_looks(settings, ("hair", "nose"), swapped=[root / "hair", root / "nose"])
    settings = dataclasses.replace(
        settings,
        image_size=48,
        model=dataclasses.replace(
            settings.model,
            cloud=dataclasses.replace(settings.model.cloud, init_points=1024, hull_points=400, least_capacity=0),
        ),
    )
    videos = load_videos([read_dataset(root / name) for name in wearings], settings)
    model = loop.make_model(settings, head, videos, betas=videos.own[0].betas[0])
    state = initial_state(model, overlaps_per_point=settings.overlaps_per_point)
    return Joining(
        Clouds(model.graphdef, state.params.networks, model.constants.space),
        state.params.points,
        state,
        videos,
        float(state.primitives.radius) / videos.ndc_per_unit,
    )
