"""A work folder as training leaves it, without the training: networks and points at random."""

import dataclasses
import functools
import pathlib
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from pegasus_jax.core.model import TrainState, initial_state
from pegasus_jax.data import read_dataset
from pegasus_jax.families.description import AvatarDescription, write_description
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.flame import load_head
from pegasus_jax.training import loop, workdir
from pegasus_jax.training.checkpoints import Checkpoints
from pegasus_jax.training.settings import from_config
from tests.training import tiny


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where things are."""

    head: pathlib.Path
    data: pathlib.Path
    run: pathlib.Path


def write_run(folder: pathlib.Path) -> Folders:
    """A head, a dataset folder and a run on them; its looks: the person, two others' hair, and a nose."""
    folders = _write_inputs(folder)
    config = _config()
    state, model, expression_c = _untrained()
    workdir.prepare(folders.run, {"config": config.to_dict(), "data": [str(folders.data)]})
    with Checkpoints(folders.run) as checkpoints:
        checkpoints.save(state)
    write_description(
        folders.run,
        AvatarDescription.of_run(
            family="points",
            model=model,
            head=load_head(folders.head),
            head_path=folders.head,
            betas=read_dataset(folders.data).betas,
            canonical_expression=expression_c,
            looks=("me", "hair/ada", "hair/cleo", "nose/ben"),
            image_size=config.image_size,
        ),
    )
    return folders


def _write_inputs(folder: pathlib.Path) -> Folders:
    return Folders(tiny.write_head(folder / "head.npz"), tiny.write_dataset(folder / "me"), folder / "run")


def _config() -> ConfigDict:
    return tiny.config(
        networks__look_categories=("hair", "hair", "nose"), cloud__init_points=300, cloud__max_points=300
    )


@functools.cache
def _untrained() -> tuple[TrainState, dict[str, Any], np.ndarray]:
    """The run's state, what describes its model, and its canonical expression.

    Once for all files of tests in a process: it compiles for seconds.
    """
    settings = from_config(_config())
    with tempfile.TemporaryDirectory() as folder:
        inputs = _write_inputs(pathlib.Path(folder))
        dataset = read_dataset(inputs.data)
        videos = loop.load_videos([dataset], settings)
        model = loop.make_model(settings, load_head(inputs.head), videos, betas=dataset.betas)
    state = initial_state(model, overlaps_per_point=settings.overlaps_per_point)
    leaves, treedef = jax.tree.flatten(state.params.networks)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    networks = [leaf + 0.05 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys)]
    params = dataclasses.replace(state.params, networks=jax.tree.unflatten(treedef, networks))
    cloud = dataclasses.replace(
        state.primitives, alive=state.primitives.alive.at[250:].set(False), radius=jnp.float32(0.12)
    )
    state = dataclasses.replace(state, params=params, primitives=cloud, frames_seen=jnp.int32(8))
    return state, model.describe() | {"ndc_per_unit": None}, np.asarray(videos.expression_c)


def trained_further(avatar: TrainedPointAvatar) -> TrainedPointAvatar:
    """Another avatar, each of whose weights and codes is a little different."""
    graphdef, state = nnx.split(avatar.networks)
    networks = nnx.merge(graphdef, jax.tree.map(lambda leaf: leaf + 1e-3, state))  # new leaves: a merge shares them
    return TrainedPointAvatar(avatar.description, networks, avatar.points_gc, avatar.part, avatar.radius)
