"""Frames of dataset folders in memory as one batch of arrays, and the order in which a run sees them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data.camera import Camera
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.errors import UserError

Array = Any  # NumPy on the host, JAX inside a compiled step
_EMPHASISED_PARTS = ("eyes", "mouth")
OWN_PART = "hair"  # the attribute whose masks a video as filmed teaches the segmentation


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Batch:
    """B frames as a step takes them."""

    image: Array  # (B, H, W, 3) uint8, as stored
    matte: Array  # (B, H, W) uint8
    seg: Array  # (B, H, W) uint8: attribute mask, the segmentation target
    emphasis: Array  # (B, H, W) uint8: eyes and mouth
    betas: Array  # (B, 100)
    expression: Array  # (B, 50)
    pose: Array  # (B, 15) radians
    T_camera_world: Array  # (B, 3, 4) OpenCV axes, head units
    intrinsics: Array  # (B, 4) pixels
    frame: Array  # (B,) int32: row in the run's tables
    look: Array  # (B,) int32: number of the look, 0 for the person as filmed
    normal: Array | None = None  # (B, H, W, 3) uint8: 0.5 n + 0.5 in world axes over white; zeros where there is none
    has_normal: Array | None = None  # (B,) bool
    inner: Array | None = None  # (B, H, W) uint8: where the head model shows eyeballs or the inside of the mouth

    @property
    def cameras(self) -> Camera:
        """The frames' cameras, batched."""
        return Camera(self.T_camera_world, self.intrinsics, self.image.shape[1:3])

    def alpha(self) -> jax.Array:
        """The soft matte (B, H, W) in [0, 1]."""
        return jnp.asarray(self.matte, jnp.float32) / 255.0

    def over_white(self) -> jax.Array:
        """The target picture (B, H, W, 3) in [0, 1]: the stored image over white by its soft matte."""
        matte = self.alpha()[..., None]
        return jnp.asarray(self.image, jnp.float32) / 255.0 * matte + (1.0 - matte)


def load_frames(
    dataset: Dataset, indices: np.ndarray, *, image_size: tuple[int, int], look: int = 0, normals: bool = False
) -> Batch:
    """All the chosen frames of one dataset folder, decoded and resized, as one host-side batch.

    The segmentation target is the hair of a video as filmed, the new part of a part-swapped one. `normals` says
    whether to load their pictures, where there are any.
    """
    cameras = dataset.cameras(image_size=image_size)
    parts = dataset.part_names
    empty = np.zeros((len(indices), *image_size), np.uint8)

    def part(name: str) -> np.ndarray:
        return dataset.parts(name, indices=indices, image_size=image_size) if name in parts else empty

    normal = dataset.normals(indices=indices, image_size=image_size) if normals else None
    return Batch(
        image=dataset.images(indices=indices, image_size=image_size),
        matte=dataset.masks(indices=indices, image_size=image_size),
        seg=part(dataset.synthesis.attribute if dataset.synthesis else OWN_PART),
        emphasis=np.maximum.reduce([part(name) for name in _EMPHASISED_PARTS]),
        betas=dataset.frame_betas[indices],
        expression=dataset.expression[indices],
        pose=dataset.pose[indices],
        T_camera_world=np.asarray(cameras.T_camera_world)[indices],
        intrinsics=np.asarray(cameras.intrinsics)[indices],
        frame=np.arange(len(indices), dtype=np.int32),
        look=np.full(len(indices), look, np.int32),
        normal=normal,
        has_normal=np.full(len(indices), normal is not None),
    )


def take(frames: Batch, indices: np.ndarray | slice) -> Batch:
    """A batch of some of the frames."""
    return jax.tree.map(lambda array: array[indices], frames)


def join(batches: Sequence[Batch]) -> Batch:
    """Frames of several videos one after the other; rows are renumbered."""
    if len({batch.image.shape[1:] for batch in batches}) != 1:
        raise UserError("The dataset folders give pictures of different sizes; train them at one image size.")
    if any(batch.normal is not None for batch in batches):
        batches = [_with_normals(batch) for batch in batches]
    joined = jax.tree.map(lambda *arrays: np.concatenate(arrays), *batches)
    return dataclasses.replace(joined, frame=np.arange(len(joined.frame), dtype=np.int32))


def _with_normals(batch: Batch) -> Batch:
    return batch if batch.normal is not None else dataclasses.replace(batch, normal=np.zeros_like(batch.image))


def frame_order(seed: int | Sequence[int], start: int, count: int, num_frames: int) -> np.ndarray:
    """Entries [start, start + count) of an endless row of shuffled epochs: a pure function of its arguments."""
    positions = np.arange(start, start + count)
    order = np.empty(count, np.int64)
    for epoch in np.unique(positions // num_frames):
        shuffled = np.random.default_rng([*np.atleast_1d(seed), int(epoch)]).permutation(num_frames)
        here = positions // num_frames == epoch
        order[here] = shuffled[positions[here] % num_frames]
    return order
