"""A small avatar of rigged Gaussians on the built-in head, and frames of it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.data.frames import Batch
from pegasus_jax.families.description import AvatarDescription
from pegasus_jax.families.gaussians import binding
from pegasus_jax.families.gaussians.avatar import TrainedGaussianAvatar
from pegasus_jax.families.gaussians.params import initial_params
from pegasus_jax.families.gaussians.rig import build_rig, driving_numbers, driving_range
from pegasus_jax.flame import builtin_head

SIDE = 32
FOCAL, DISTANCE = 1.5, 4.0  # image sides; head units


def camera(side=SIDE):
    """A camera in front of the face."""
    T_camera_world = np.array([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, DISTANCE]], np.float32)
    intrinsics = np.array([FOCAL, FOCAL, 0.5, 0.5], np.float32) * side
    return Camera(jnp.asarray(T_camera_world), jnp.asarray(intrinsics), (side, side))


def motions(count, seed=0):
    """Expression (B, 50) and pose (B, 15): small turns of neck, jaw and eyes."""
    rng = np.random.default_rng(seed)
    expression = rng.uniform(0.0, 0.4, (count, 50)).astype(np.float32)
    pose = rng.normal(0.0, 0.1, (count, 15)).astype(np.float32)
    pose[:, :3] = 0.0
    return expression, pose


def batch(images, mattes, count, seed=0):
    """Frames with the given pictures (B, H, W, 3) and mattes (B, H, W), uint8."""
    expression, pose = motions(count, seed)
    view = camera(images.shape[1])
    return Batch(
        image=images,
        matte=mattes,
        seg=np.zeros_like(mattes),
        emphasis=np.zeros_like(mattes),
        betas=np.zeros((count, 100), np.float32),
        expression=expression,
        pose=pose,
        T_camera_world=np.tile(np.asarray(view.T_camera_world), (count, 1, 1)),
        intrinsics=np.tile(np.asarray(view.intrinsics), (count, 1)),
        frame=np.arange(count, dtype=np.int32),
        look=np.zeros(count, np.int32),
    )


def bound(count=400, betas=None):
    """Gaussians on the surface of the built-in head."""
    expression, pose = motions(4)
    betas = np.zeros(100, np.float32) if betas is None else betas
    views = np.tile(np.asarray(camera().T_camera_world), (4, 1, 1))
    return binding.on_surface(builtin_head(), betas, (expression, pose, views), count, 0)


def rigged(count=400, betas=None, places=None):
    """A rig and its binding."""
    betas = np.zeros(100, np.float32) if betas is None else betas
    places = bound(count, betas) if places is None else places
    return build_rig(builtin_head(), betas, places, driving_range(np.asarray(driving_numbers(*motions(8)))))


def random_params(rig, *, num_bases=3, seed=0):
    """Parameters that are nowhere zero."""
    params = initial_params(rig, num_bases=num_bases, hidden=4, key=jax.random.key(seed))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: leaf + jnp.asarray(rng.normal(0.0, 0.1, leaf.shape), jnp.float32), params)


def avatar(count=400, *, num_bases=3):
    """Somebody who was never trained, of random colours."""
    rig, places = rigged(count)
    params = random_params(rig, num_bases=num_bases)
    colour = np.random.default_rng(0).uniform(0.0, 1.0, (3, count))
    params = dataclasses.replace(params, colour=jnp.asarray(colour, jnp.float32))
    return as_avatar(rig, places, params, expression=0.1)


def as_avatar(rig, places, params, *, name="me", betas=None, expression=0.0, hair=None):
    """Gaussians as somebody's avatar."""
    description = AvatarDescription.of_run(
        family="gaussians",
        model={"training_side": 64},
        head=builtin_head(),
        head_path=None,
        betas=np.zeros(100, np.float32) if betas is None else betas,
        canonical_expression=np.full(50, expression),
        looks=(name,),
        image_size=64,
    )
    return TrainedGaussianAvatar(description, params, places, rig.driving, np.ones(len(places), bool), hair)
