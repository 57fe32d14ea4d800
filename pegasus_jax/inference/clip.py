"""Videos of an avatar: driven by a dataset folder's motion, or seen from a camera that goes round."""

import dataclasses
import pathlib
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from pegasus_jax import media, progress
from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.data import read_dataset
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import POSE_SIZE
from pegasus_jax.inference.load import load
from pegasus_jax.inference.look_file import find_look

ORBIT_FRAMES = 90
ORBIT_REACH = 0.45  # radians to each side
FPS = 25.0
_FOCAL = 2.6  # image sides; with the distance below, a head fills about half of the picture
_DISTANCE = 4.0  # head units
_CHUNK = 4
_PICTURES = 8  # rendered at a time, where they are kept
_NO_ALPHA = 0.5 / 255.0  # rounds to 0 in a file


def render_clip(
    workdir: pathlib.Path,
    *,
    drive: pathlib.Path | None,
    orbit: bool,
    out: pathlib.Path,
    image_size: int,
    look: str | None = None,
) -> None:
    """Writes an H.264 video of the avatar in `workdir` (or an exported `.npz`) to `out`.

    `drive` is a dataset folder, of the same person or another, whose poses and expressions the avatar takes on; its
    cameras are used, and `orbit` swings them round the head. The shape stays the avatar's own. `look` is a trained
    look's name or a look file; the person as filmed without it.

    Raises:
        UserError: there is no avatar or no such look, or the dataset folder is not valid.
    """
    avatar = load(workdir)
    chosen = find_look(look, avatar)
    motion = driven(avatar, drive, image_size=image_size) if drive else resting(avatar, image_size=image_size)
    if orbit:
        motion = dataclasses.replace(motion, cameras=orbited(motion.cameras))
    frames = progress.bar(render_frames(avatar.bake(chosen.latent), motion), total=len(motion), desc="rendering")
    media.write_video(out, frames, fps=FPS, disclosure=media.rendered(chosen.how))


def driven(avatar: Avatar, folder: pathlib.Path, *, image_size: int) -> Motion:
    """The motion of a dataset folder, on the avatar's own shape."""
    dataset = read_dataset(folder)
    height, width = dataset.image_size
    side = min(height, width)
    size = (round(image_size * height / side), round(image_size * width / side))
    params = FlameParams.of_frames(avatar.betas, dataset.expression, dataset.pose)
    return Motion(params, dataset.cameras(image_size=size))


def resting(avatar: Avatar, *, image_size: int) -> Motion:
    """A still head as it was filmed on average: what nobody filmed, networks have to guess."""
    world_mat = np.eye(3, 4, dtype=np.float32)
    world_mat[2, 3] = -_DISTANCE
    intrinsics = np.array([-_FOCAL, _FOCAL, 0.5, 0.5], np.float32)
    repeat = (ORBIT_FRAMES, 1)
    pose = np.asarray(avatar.description.mean_pose or np.zeros(POSE_SIZE), np.float32)
    return Motion(
        FlameParams.of_frames(avatar.betas, np.tile(np.asarray(avatar.expression_c), repeat), np.tile(pose, repeat)),
        Camera.from_imavatar(
            np.tile(world_mat, (ORBIT_FRAMES, 1, 1)), np.tile(intrinsics, repeat), image_size=(image_size, image_size)
        ),
    )


def orbited(cameras: Camera) -> Camera:
    """The cameras swung to and fro about the head's vertical axis, once over the clip."""
    count = len(cameras.T_camera_world)
    yaw = ORBIT_REACH * np.sin(np.linspace(0.0, 2.0 * np.pi, count, dtype=np.float32))
    turns = lbs.rodrigues(jnp.stack([jnp.zeros(count), jnp.asarray(yaw), jnp.zeros(count)], axis=1))
    rotation, translation = cameras.T_camera_world[..., :3], cameras.T_camera_world[..., 3:]
    return dataclasses.replace(cameras, T_camera_world=jnp.concatenate([rotation @ turns, translation], axis=-1))


def render_frames(baked: BakedLook, motion: Motion, *, with_alpha: bool = False) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 over white, or (H, W, 4) with straight alpha.

    A few are rendered at a time; the last group is padded, so one compilation serves all.
    """
    count = len(motion)
    for start in range(0, count, _CHUNK):
        part = motion.frames(np.minimum(np.arange(start, start + _CHUNK), count - 1))
        yield from _images(baked, part, with_alpha=with_alpha)[: count - start]


def render_pictures(baked: BakedLook, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (F, H, W, 3) over white and alphas (F, H, W), float32 in [0, 1], of a motion on the avatar's own shape.

    A few are rendered at a time; the last group is padded, so one compilation serves all.
    """
    images, alphas, count = [], [], len(motion)
    for start in range(0, count, _PICTURES):
        part = motion.frames(np.minimum(np.arange(start, start + _PICTURES), count - 1))
        out = baked.render(part.params.with_betas(baked.betas), part.cameras)
        images.append(np.asarray(out.image)[: count - start])
        alphas.append(np.asarray(out.alpha)[: count - start])
    return np.concatenate(images), np.concatenate(alphas)


def render_still(baked: BakedLook, motion: Motion, *, with_alpha: bool = False) -> np.ndarray:
    """The first frame of a motion, as `render_frames` gives it."""
    return _images(baked, motion.frames(0), with_alpha=with_alpha)


def _images(baked: BakedLook, motion: Motion, *, with_alpha: bool) -> np.ndarray:
    out = baked.render(motion.params, motion.cameras)
    image = np.asarray(out.image)
    if with_alpha:
        image = straight_alpha(image, np.asarray(out.alpha))
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def straight_alpha(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(*, 4) whose colour over white by `alpha` (*,) is `image` (*, 3); white where alpha is none."""
    share = alpha[..., None]
    colour = np.where(share > _NO_ALPHA, 1.0 - (1.0 - image) / np.maximum(share, _NO_ALPHA), 1.0)
    return np.concatenate([colour, share], axis=-1)
