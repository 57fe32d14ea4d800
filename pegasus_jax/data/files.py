"""Where the pictures of a dataset folder lie, frame by frame, whatever its format calls them."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pegasus_jax.data import pictures
from pegasus_jax.errors import UserError

_LOOKED_INTO = 2_000


@dataclasses.dataclass(frozen=True)
class Matte:
    """A frame's foreground matte."""

    path: pathlib.Path
    is_alpha: bool = False  # the matte is the alpha channel of the picture there

    def stored(self) -> np.ndarray:
        """(H, W) uint8 or uint16, as the file has it."""
        return pictures.decode_alpha(self.path) if self.is_alpha else pictures.decode_matte(self.path)

    def read(self, *, image_size: tuple[int, int], white: int | None = None) -> np.ndarray:
        """(H, W) uint8 at `image_size`; `white` stands for 255, by default the largest value of the file's type."""
        return pictures.resize(pictures.to_8_bits(self.stored(), white=white), image_size)


@dataclasses.dataclass(frozen=True)
class PartMask:
    """A frame's mask of one attribute: a mask file, or some labels of a face-parsing map."""

    path: pathlib.Path
    labels: tuple[int, ...] = ()  # empty: the file is the mask

    def read(self, *, image_size: tuple[int, int]) -> np.ndarray:
        """(H, W) uint8 at `image_size`."""
        if self.labels:
            return pictures.read_labels(self.path, self.labels, image_size=image_size)
        return pictures.read_grey(self.path, image_size=image_size)


@dataclasses.dataclass(frozen=True)
class FrameFiles:
    """The pictures of one frame."""

    image: pathlib.Path
    matte: Matte
    parts: Mapping[str, PartMask] = dataclasses.field(default_factory=dict)  # by attribute
    normal: pathlib.Path | None = None  # 0.5 n + 0.5 in world axes, white where nothing is


def find_matte(image: pathlib.Path, mask: pathlib.Path | None, *, twins: Iterable[pathlib.Path] = ()) -> Matte:
    """The mask if it is there, else the alpha channel of the picture, else that of a twin of it that is there.

    Raises:
        UserError: none of them; or the picture cannot be read.
    """
    if mask is not None and mask.exists():
        return Matte(mask)
    for path in [image, *(twin for twin in twins if twin.exists())]:
        if pictures.header(path).has_alpha:
            return Matte(path, is_alpha=True)
    missing = f"{mask} is missing, and {image}" if mask is not None else str(image)
    raise UserError(f"{missing} has no alpha channel to take as its matte; give each frame a foreground mask.")


def common_size(frames: Sequence[FrameFiles]) -> tuple[int, int]:
    """(H, W) that all pictures share. Masks of parts may be missing, but not differ.

    Of very many frames only some are looked into, spread over them; `check_size` is for when they are read.

    Raises:
        UserError: a picture or mask is missing, is no picture, or has another size than the first.
    """
    size = pictures.header(frames[0].image).size
    for row in np.unique(np.linspace(0, len(frames) - 1, _LOOKED_INTO).astype(int)).tolist():
        check_size(frames[row], size)
    return size


def check_size(frame: FrameFiles, size: tuple[int, int]) -> None:
    """All pictures and masks of a frame have the size (H, W); those of parts may be missing.

    Raises:
        UserError: see `common_size`.
    """
    parts = {mask.path for mask in frame.parts.values()}
    normal = [frame.normal] if frame.normal is not None else []
    for path in [frame.image, frame.matte.path, *normal, *sorted(part for part in parts if part.exists())]:
        found = pictures.header(path).size
        if found != size:
            raise UserError(
                f"{path} is {found[1]}x{found[0]} pixels where the first image is {size[1]}x{size[0]}; "
                "all images and masks of a folder must have one size."
            )
