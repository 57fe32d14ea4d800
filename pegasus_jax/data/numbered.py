"""Pictures that are named by their frame's number, in one folder for each kind: IMAvatar's layout.

A hundred thousand frames have their folders listed once, instead of each file asked for; what is known of a frame's
files is put together when it is asked for.
"""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import overload

from pegasus_jax.data import layout, pictures
from pegasus_jax.data.files import FrameFiles, Matte, PartMask, find_matte


class NumberedFiles(Sequence[FrameFiles]):
    """The pictures of the frames of these numbers.

    Args:
        folder: the dataset folder.
        numbers: of the frames.
        labels: for each attribute, the labels of its mask in the face-parsing maps; none if it has masks of its own.

    Raises:
        UserError: a frame has no picture or no matte, or lacks a picture of its normals where others have one.
    """

    def __init__(self, folder: pathlib.Path, numbers: Sequence[int], labels: Mapping[str, tuple[int, ...]]):
        self.folder, self.numbers, self.labels = folder, list(numbers), labels
        self._has_normals = (folder / layout.NORMAL).is_dir()
        for number in self._missing(layout.IMAGE):
            pictures.header(layout.image_path(folder, number))  # says so
        for number in self._missing(layout.NORMAL) if self._has_normals else ():
            pictures.header(layout.normal_path(folder, number))
        self._alpha = {
            number: find_matte(layout.image_path(folder, number), layout.mask_path(folder, number))
            for number in self._missing(layout.MASK)
        }

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> FrameFiles: ...
    @overload
    def __getitem__(self, index: slice) -> list[FrameFiles]: ...
    def __getitem__(self, index: int | slice) -> FrameFiles | list[FrameFiles]:
        """The pictures of one frame, by position; or of some."""
        if isinstance(index, slice):
            return [self._files(number) for number in self.numbers[index]]
        return self._files(self.numbers[index])

    def _files(self, number: int) -> FrameFiles:
        return FrameFiles(
            image=layout.image_path(self.folder, number),
            matte=self._alpha.get(number) or Matte(layout.mask_path(self.folder, number)),
            parts={name: self._part(name, number) for name in self.labels},
            normal=layout.normal_path(self.folder, number) if self._has_normals else None,
        )

    def _part(self, name: str, number: int) -> PartMask:
        labels = self.labels[name]
        own = layout.part_path(self.folder, name, number)
        return PartMask(layout.semantic_path(self.folder, number), labels) if labels else PartMask(own)

    def _missing(self, kind: str) -> list[int]:
        """Frames without a file of a kind."""
        folder = self.folder / kind
        there = set(os.listdir(folder)) if folder.is_dir() else set()
        return [number for number in self.numbers if f"{number}.png" not in there]
