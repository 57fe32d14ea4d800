"""A small avatar with colour and structure, and frames that it is pictured in."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import Batch, load_frames
from pegasus_jax.evaluation.refine import Drive
from pegasus_jax.families.points.baked import BakedAvatar
from pegasus_jax.inference import load
from tests.inference.untrained import write_run

SIDE = 24


def baked_avatar(folder: pathlib.Path) -> tuple[BakedAvatar, Drive, Batch]:
    """An avatar, the drive of its ten frames, and the frames as filmed."""
    folders = write_run(folder)
    baked = load(folders.run).bake()
    albedo = jnp.asarray(np.random.default_rng(0).random((250, 3)), jnp.float32)
    baked = dataclasses.replace(baked, points=dataclasses.replace(baked.points, albedo=albedo))
    dataset = read_dataset(folders.data)
    cameras = jax.tree.map(jnp.asarray, dataset.cameras(image_size=(SIDE, SIDE)))
    drive = Drive(jnp.asarray(dataset.pose), jnp.asarray(dataset.expression), cameras)
    return baked, drive, load_frames(dataset, np.arange(10), image_size=(SIDE, SIDE))
