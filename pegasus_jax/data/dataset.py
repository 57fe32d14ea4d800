"""A dataset folder in memory: parameters at once, pictures on demand."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pegasus_jax import progress
from pegasus_jax.data import layout, pictures
from pegasus_jax.data.camera import Camera
from pegasus_jax.errors import UserError

TEST_FRACTION = 0.2  # of a clip, its end, is held out, as in the papers
_FRAMES_BEFORE_A_BAR = 64


@dataclasses.dataclass(frozen=True)
class Dataset:
    """F frames of one head. Float arrays are float32; head units and radians; made by `read_dataset`."""

    folder: pathlib.Path
    numbers: np.ndarray  # (F,) int: the frames' file numbers, in the json's order
    world_mat: np.ndarray  # (F, 3, 4): IMAvatar's; use `camera`
    expression: np.ndarray  # (F, 50)
    pose: np.ndarray  # (F, 15)
    intrinsics: np.ndarray  # (4,) = [-fx/W, fy/H, cx/W, cy/H]
    betas: np.ndarray  # (100,)
    image_size: tuple[int, int]  # (H, W) of the stored pictures
    capture: dict[str, Any]  # capture.json; empty for published data
    part_names: tuple[str, ...]  # attributes that have masks

    def __len__(self) -> int:
        """F."""
        return len(self.numbers)

    def camera(self, index: int, *, image_size: tuple[int, int] | None = None) -> Camera:
        """The camera of one frame, for pictures of `image_size` (default: as stored)."""
        size = image_size or self.image_size
        return Camera.from_imavatar(self.world_mat[index], self.intrinsics, image_size=size)

    def cameras(self, *, image_size: tuple[int, int] | None = None) -> Camera:
        """All cameras in one pytree: `T_camera_world` (F, 3, 4), `intrinsics` (F, 4)."""
        intrinsics = np.tile(self.intrinsics, (len(self), 1))
        return Camera.from_imavatar(self.world_mat, intrinsics, image_size=image_size or self.image_size)

    def images(self, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None) -> np.ndarray:
        """(n, H, W, 3) uint8 RGB as stored (not composited); n frames by position, all by default."""
        paths = [layout.image_path(self.folder, n) for n in self._numbers(indices)]
        return self._load(paths, pictures.read_rgb, image_size, channels=(3,), desc="Loading images")

    def masks(self, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None) -> np.ndarray:
        """(n, H, W) uint8 foreground mattes."""
        paths = [layout.mask_path(self.folder, n) for n in self._numbers(indices)]
        return self._load(paths, pictures.read_grey, image_size, channels=(), desc="Loading masks")

    def parts(
        self, name: str, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """(n, H, W) uint8 masks of one attribute.

        Raises:
            UserError: the folder has no masks of that name.
        """
        if name not in self.part_names:
            known = ", ".join(self.part_names) or "none"
            raise UserError(f"{self.folder} has no masks of {name!r} under parts/; it has {known}.")
        paths = [layout.part_path(self.folder, name, n) for n in self._numbers(indices)]
        return self._load(paths, pictures.read_grey, image_size, channels=(), desc=f"Loading {name} masks")

    def split(self, *, test_fraction: float = TEST_FRACTION) -> tuple[np.ndarray, np.ndarray]:
        """(train, test) positions: the last `test_fraction` of the clip is held out, as the papers do.

        Raises:
            UserError: one of the two would be empty.
        """
        num_test = round(len(self) * test_fraction)
        if not 0 < num_test < len(self):
            raise UserError(f"{self.folder} has {len(self)} frames, too few to hold out {test_fraction:.0%} of them.")
        order = np.arange(len(self))
        return order[: len(self) - num_test], order[len(self) - num_test :]

    def _numbers(self, indices: Iterable[int] | None) -> list[int]:
        chosen = self.numbers if indices is None else self.numbers[np.asarray(list(indices), np.int64)]
        return chosen.tolist()

    def _load(
        self,
        paths: list[pathlib.Path],
        read: Callable[..., np.ndarray],
        image_size: tuple[int, int] | None,
        *,
        channels: tuple[int, ...],
        desc: str,
    ) -> np.ndarray:
        size = image_size or self.image_size
        out = np.empty((len(paths), *size, *channels), np.uint8)
        many = len(paths) > _FRAMES_BEFORE_A_BAR
        for row, path in enumerate(progress.bar(paths, desc=desc) if many else paths):
            out[row] = read(path, image_size=size)
        return out
