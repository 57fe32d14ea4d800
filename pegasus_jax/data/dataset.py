"""A dataset folder in memory: parameters at once, pictures on demand."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pegasus_jax import progress
from pegasus_jax.core.camera import Camera
from pegasus_jax.data import pictures
from pegasus_jax.data.files import FrameFiles
from pegasus_jax.errors import UserError

TEST_FRACTION = 0.2  # of a clip, its end, is held out, as in the papers
_FRAMES_BEFORE_A_BAR = 64


@dataclasses.dataclass(frozen=True)
class Synthesis:
    """What a part-swapped folder shows: its target's frames with one attribute of somebody else."""

    attribute: str  # "hair"
    donor: str  # "ada"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """F frames of one head. Float arrays are float32; head units and radians; made by `read_dataset`."""

    folder: pathlib.Path
    numbers: np.ndarray  # (F,) int: the moment that a frame shows; frames of several cameras may share it
    files: Sequence[FrameFiles]  # F of them
    world_mat: np.ndarray  # (F, 3, 4): IMAvatar's; use `camera`
    expression: np.ndarray  # (F, 50)
    pose: np.ndarray  # (F, 15)
    intrinsics: np.ndarray  # (F, 4) = [-fx/W, fy/H, cx/W, cy/H]
    frame_betas: np.ndarray  # (F, 100): the shape that each frame was tracked with
    image_size: tuple[int, int]  # (H, W) of the stored pictures
    capture: dict[str, Any]  # capture.json; empty for published data
    part_names: tuple[str, ...]  # attributes that have masks
    held_out: np.ndarray | None = None  # (F,) bool: the frames that the folder itself sets apart for testing
    matte_white: int | None = None  # what mattes have for 255, if that is not the largest value of their files
    notes: tuple[str, ...] = ()  # what the folder lacks that a user should know, in sentences

    def __len__(self) -> int:
        """F."""
        return len(self.numbers)

    @property
    def betas(self) -> np.ndarray:
        """(100,) the person's shape: the mean over the frames, which are all the same where one was tracked."""
        return self.frame_betas.mean(axis=0, dtype=np.float64).astype(np.float32)  # float64: equal rows stay exact

    def camera(self, index: int, *, image_size: tuple[int, int] | None = None) -> Camera:
        """The camera of one frame, for pictures of `image_size` (default: as stored)."""
        size = image_size or self.image_size
        return Camera.from_imavatar(self.world_mat[index], self.intrinsics[index], image_size=size)

    def cameras(self, *, image_size: tuple[int, int] | None = None) -> Camera:
        """All cameras in one pytree: `T_camera_world` (F, 3, 4), `intrinsics` (F, 4)."""
        return Camera.from_imavatar(self.world_mat, self.intrinsics, image_size=image_size or self.image_size)

    def images(self, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None) -> np.ndarray:
        """(n, H, W, 3) uint8 RGB as stored (not composited); n frames by position, all by default."""
        return self._load(
            lambda frame, size: pictures.read_rgb(frame.image, image_size=size),
            indices,
            image_size,
            channels=(3,),
            desc="Loading images",
        )

    def masks(self, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None) -> np.ndarray:
        """(n, H, W) uint8 foreground mattes."""
        return self._load(
            lambda frame, size: frame.matte.read(image_size=size, white=self.matte_white),
            indices,
            image_size,
            desc="Loading masks",
        )

    def parts(
        self, name: str, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """(n, H, W) uint8 masks of one attribute.

        Raises:
            UserError: the folder has no masks of that name.
        """
        if name not in self.part_names:
            known = ", ".join(self.part_names) or "none"
            raise UserError(f"{self.folder} has no masks of {name!r}; it has {known}.")
        return self._load(
            lambda frame, size: frame.parts[name].read(image_size=size),
            indices,
            image_size,
            desc=f"Loading {name} masks",
        )

    def normals(
        self, *, indices: Iterable[int] | None = None, image_size: tuple[int, int] | None = None
    ) -> np.ndarray | None:
        """(n, H, W, 3) uint8 pictures of normals, 0.5 n + 0.5 in world axes over white; None if a frame has none."""
        indices = range(len(self)) if indices is None else list(indices)
        if any(self.files[index].normal is None for index in indices):
            return None
        return self._load(_read_normal, indices, image_size, channels=(3,), desc="Loading normals")

    @property
    def synthesis(self) -> Synthesis | None:
        """Whose attribute a part-swapped folder shows; None for a video as it was filmed.

        Raises:
            UserError: capture.json says so without naming attribute and donor.
        """
        entry = self.capture.get("synthesis")
        if entry is None:
            return None
        attribute, donor = (entry.get(key) if isinstance(entry, dict) else None for key in ("attribute", "donor"))
        if not (isinstance(attribute, str) and isinstance(donor, str) and attribute and donor):
            raise UserError(f"{self.folder}: synthesis in capture.json must name an attribute and a donor.")
        return Synthesis(attribute, donor)

    @property
    def look(self) -> str:
        """What an avatar calls the look that the folder shows: "hair/ada"; of a video as filmed, its folder's name."""
        swap = self.synthesis
        return f"{swap.attribute}/{swap.donor}" if swap else self.folder.name

    def split(self, *, test_fraction: float = TEST_FRACTION) -> tuple[np.ndarray, np.ndarray]:
        """(train, test) positions: tests are what the folder itself sets apart, else the last `test_fraction`.

        Raises:
            UserError: one of the two would be empty.
        """
        order = np.arange(len(self))
        if self.held_out is not None:
            if self.held_out.all():
                raise UserError(
                    f"{self.folder} holds out all of its {len(self)} frames for testing; put the file that names those "
                    "for training beside it."
                )
            return order[~self.held_out], order[self.held_out]
        num_test = round(len(self) * test_fraction)
        if not 0 < num_test < len(self):
            raise UserError(f"{self.folder} has {len(self)} frames, too few to hold out {test_fraction:.0%} of them.")
        return order[: len(self) - num_test], order[len(self) - num_test :]

    def _load(
        self,
        read: Callable[[FrameFiles, tuple[int, int]], np.ndarray],
        indices: Iterable[int] | None,
        image_size: tuple[int, int] | None,
        *,
        desc: str,
        channels: tuple[int, ...] = (),
    ) -> np.ndarray:
        frames = self.files if indices is None else [self.files[index] for index in indices]
        size = image_size or self.image_size
        out = np.empty((len(frames), *size, *channels), np.uint8)
        many = len(frames) > _FRAMES_BEFORE_A_BAR
        for row, frame in enumerate(progress.bar(frames, desc=desc) if many else frames):
            out[row] = read(frame, size)
        return out


def _read_normal(frame: FrameFiles, image_size: tuple[int, int]) -> np.ndarray:
    assert frame.normal is not None
    return pictures.read_rgb(frame.normal, image_size=image_size)
