"""A small avatar with colour and structure, and frames that it is pictured in."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import Batch, load_frames
from pegasus_jax.families.points.baked import BakedPointLook
from pegasus_jax.inference import load
from tests.inference.untrained import write_run

SIDE = 24


def baked_avatar(folder: pathlib.Path) -> tuple[BakedPointLook, Motion, Batch]:
    """An avatar, the drive of its ten frames, and the frames as filmed."""
    folders = write_run(folder)
    baked = load(folders.run).bake()
    albedo = jnp.asarray(np.random.default_rng(0).random((250, 3)), jnp.float32)
    baked = baked.edited(colours=albedo)
    dataset = read_dataset(folders.data)
    cameras = jax.tree.map(jnp.asarray, dataset.cameras(image_size=(SIDE, SIDE)))
    params = FlameParams.of_frames(baked.betas, jnp.asarray(dataset.expression), jnp.asarray(dataset.pose))
    drive = Motion(jax.tree.map(jnp.asarray, params), cameras)
    return baked, drive, load_frames(dataset, np.arange(10), image_size=(SIDE, SIDE))
