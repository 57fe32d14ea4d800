"""Frames of dataset folders in memory as one batch of arrays, and the order in which a run sees them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.data.files import check_size

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
    def params(self) -> FlameParams:
        """What the head does in the frames."""
        return FlameParams(self.betas, self.expression, self.pose)

    @property
    def motion(self) -> Motion:
        """What drives the frames."""
        return Motion(self.params, self.cameras)

    @property
    def cameras(self) -> Camera:
        """The frames' cameras, batched; the camera of one frame taken out of a batch."""
        return Camera(self.T_camera_world, self.intrinsics, self.image.shape[-3:-1])

    def alpha(self) -> jax.Array:
        """The soft matte (B, H, W) in [0, 1]."""
        return jnp.asarray(self.matte, jnp.float32) / 255.0

    def over_white(self) -> jax.Array:
        """The target picture (B, H, W, 3) in [0, 1]: the stored image over white by its soft matte."""
        matte = self.alpha()[..., None]
        return jnp.asarray(self.image, jnp.float32) / 255.0 * matte + (1.0 - matte)


class ClipFrames:
    """Some frames of one dataset folder; pictures are decoded and resized when they are asked for.

    The segmentation target is the hair of a video as filmed, the new part of a part-swapped one. `normals` says
    whether to load their pictures, where there are any.
    """

    def __init__(
        self,
        dataset: Dataset,
        indices: np.ndarray,
        *,
        image_size: tuple[int, int],
        look: int = 0,
        normals: bool = False,
    ):
        self.dataset, self.indices, self.image_size, self.look = dataset, indices, image_size, look
        self.betas, self.expression, self.pose = (
            values[indices] for values in (dataset.frame_betas, dataset.expression, dataset.pose)
        )
        self._normals = normals
        self.has_normals = normals and all(frame.normal is not None for frame in dataset.files)
        self._seg_part = dataset.synthesis.attribute if dataset.synthesis else OWN_PART
        cameras = dataset.cameras(image_size=image_size)
        self.cameras = Camera(
            np.asarray(cameras.T_camera_world)[indices], np.asarray(cameras.intrinsics)[indices], image_size
        )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.indices)

    def in_size(self, image_size: tuple[int, int]) -> "ClipFrames":
        """The same frames in pictures of another size (H, W)."""
        return ClipFrames(self.dataset, self.indices, image_size=image_size, look=self.look, normals=self._normals)

    def read(self, rows: np.ndarray) -> Batch:
        """The frames at positions `rows` (B,) of these, as a host-side batch; they are numbered by position.

        Raises:
            UserError: a picture cannot be read.
        """
        dataset, indices = self.dataset, self.indices[rows]
        where: dict[str, Any] = {"indices": indices, "image_size": self.image_size}
        batch = Batch(
            image=dataset.images(**where),
            matte=dataset.masks(**where),
            seg=self._part(self._seg_part, where),
            emphasis=np.maximum.reduce([self._part(name, where) for name in _EMPHASISED_PARTS]),
            betas=self.betas[rows],
            expression=self.expression[rows],
            pose=self.pose[rows],
            T_camera_world=np.asarray(self.cameras.T_camera_world)[rows],
            intrinsics=np.asarray(self.cameras.intrinsics)[rows],
            frame=np.asarray(rows, np.int32),
            look=np.full(len(indices), self.look, np.int32),
            normal=dataset.normals(**where) if self.has_normals else None,
            has_normal=np.full(len(indices), self.has_normals),
        )
        for index in indices:
            check_size(dataset.files[index], dataset.image_size)
        return batch

    def _part(self, name: str, where: dict[str, Any]) -> np.ndarray:
        if name in self.dataset.part_names:
            return self.dataset.parts(name, **where)
        return np.zeros((len(where["indices"]), *self.image_size), np.uint8)


def load_frames(dataset: Dataset, indices: np.ndarray, *, image_size: tuple[int, int]) -> Batch:
    """All the chosen frames of one dataset folder, decoded and resized, as one host-side batch."""
    return ClipFrames(dataset, indices, image_size=image_size).read(np.arange(len(indices)))


def take(frames: Batch, indices: Any) -> Batch:
    """A batch of some of the frames: every array, indexed as NumPy's are."""
    return jax.tree.map(lambda array: array[indices], frames)


def frame_order(seed: int | Sequence[int], start: int, count: int, num_frames: int) -> np.ndarray:
    """Entries [start, start + count) of an endless row of shuffled epochs: a pure function of its arguments."""
    positions = np.arange(start, start + count)
    order = np.empty(count, np.int64)
    for epoch in np.unique(positions // num_frames):
        shuffled = np.random.default_rng([*np.atleast_1d(seed), int(epoch)]).permutation(num_frames)
        here = positions // num_frames == epoch
        order[here] = shuffled[positions[here] % num_frames]
    return order
