"""Writing a dataset folder: whole or not at all."""

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pegasus_jax import atomic
from pegasus_jax.data import layout, pictures
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, POSE_SIZE
from pegasus_jax.media.disclosure import Disclosure


@dataclasses.dataclass(frozen=True)
class FrameParams:
    """One frame as it stands in the json (IMAvatar's conventions; head units, radians)."""

    number: int  # names the files: image/<number>.png
    world_mat: np.ndarray  # (3, 4): world to an OpenGL-like camera
    expression: np.ndarray  # (50,)
    pose: np.ndarray  # (15,)
    bbox: np.ndarray  # (4,): min x, min y, max x, max y of the landmarks in [-1, 1]
    flame_keypoints: np.ndarray  # (L, 2) in [-1, 1], x right, y down

    def to_json(self) -> dict[str, Any]:
        """The frame's entry in `frames`.

        Raises:
            ValueError: an array has the wrong shape or is not finite.
        """
        arrays = {
            "world_mat": _checked("world_mat", self.world_mat, (3, 4)),
            "expression": _checked("expression", self.expression, (NUM_EXPRESSION,)),
            "pose": _checked("pose", self.pose, (POSE_SIZE,)),
            "bbox": _checked("bbox", self.bbox, (4,)),
            "flame_keypoints": _checked("flame_keypoints", self.flame_keypoints, (None, 2)),
        }
        return {"file_path": f"./{layout.IMAGE}/{self.number}", **arrays}


class DatasetWriter:
    """Fills a temporary sibling of `out`; it becomes `out` when the `with` block ends after `finish`.

        with DatasetWriter("data/me", image_size=(512, 512)) as writer:
            writer.add(1, image, mask, parts={"hair": hair})
            writer.finish(frames=frames, betas=betas, intrinsics=intrinsics, capture={})

    Until then callers may put more into `writer.folder`, above all pictures into `writer.folder / "figures"`.

    Raises:
        UserError: on entry, if `out` holds anything but an earlier dataset folder of ours; on the way, if the
            disk is full.
    """

    def __init__(self, out: str | os.PathLike, *, image_size: tuple[int, int], disclosure: Disclosure | None = None):
        """`image_size` is (H, W) of every picture and mask; `disclosure` of pictures that no camera took."""
        self.out = pathlib.Path(out)
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self._disclosure = disclosure
        self._added: set[int] = set()
        self._finished = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "DatasetWriter":
        _check_replaceable(self.out)
        self.folder = self._stack.enter_context(atomic.folder(self.out, replace=True))
        (self.folder / layout.FIGURES).mkdir()
        return self

    def __exit__(self, kind, error, traceback) -> bool | None:
        if error is None and not self._finished:
            with self._stack:
                raise RuntimeError(f"the writer of {self.out} was left without finish()")
        return self._stack.__exit__(kind, error, traceback)

    def add(
        self,
        number: int,
        image_uint8: np.ndarray,
        mask_uint8: np.ndarray,
        *,
        parts: Mapping[str, np.ndarray] | None = None,
        normal: np.ndarray | None = None,
    ) -> None:
        """Writes one frame's pictures.

        Args:
            number: the frame's number, from 1.
            image_uint8: (H, W, 3) RGB.
            mask_uint8: (H, W) foreground matte.
            parts: attribute name -> (H, W) mask, uint8.
            normal: (H, W, 3) normals as colours, 0.5 n + 0.5 in world axes, white where nothing is.

        Raises:
            ValueError: wrong shape or dtype, or a number below 1 or given twice.
        """
        if number < 1 or number in self._added:
            raise ValueError(f"frames are numbered from 1, each once; got {number}.")
        image = _checked_picture("image", image_uint8, (*self.image_size, 3))
        pictures.write_png(layout.image_path(self.folder, number), image, disclosure=self._disclosure)
        mask = _checked_picture("mask", mask_uint8, self.image_size)
        pictures.write_png(layout.mask_path(self.folder, number), mask)
        for name, part in (parts or {}).items():
            part = _checked_picture(f"parts[{name!r}]", part, self.image_size)
            pictures.write_png(layout.part_path(self.folder, name, number), part)
        if normal is not None:
            picture = _checked_picture("normal", normal, (*self.image_size, 3))
            pictures.write_png(layout.normal_path(self.folder, number), picture, disclosure=self._disclosure)
        self._added.add(number)

    def finish(
        self,
        *,
        frames: Sequence[FrameParams],
        betas: np.ndarray,
        intrinsics: np.ndarray,
        capture: Mapping[str, Any],
    ) -> None:
        """Writes the two json files. Pictures that no frame names (dropped after a fit, say) are deleted.

        Args:
            frames: in order of time; each must have been added.
            betas: (100,) the person's shape.
            intrinsics: (4,) = [-fx/W, fy/H, cx/W, cy/H].
            capture: what `capture.json` holds; must survive `json.dumps`.

        Raises:
            ValueError: wrong shapes, a value that is not finite, a frame that was not added, no frame at all.
        """
        numbers = [frame.number for frame in frames]
        if not numbers or len(set(numbers)) < len(numbers) or not self._added.issuperset(numbers):
            raise ValueError("frames must name at least one added frame, and each at most once.")
        params = {
            "frames": [frame.to_json() for frame in frames],
            "shape_params": _checked("betas", betas, (NUM_BETAS,)),
            "intrinsics": _checked("intrinsics", intrinsics, (4,)),
        }
        self._discard(self._added.difference(numbers))
        (self.folder / layout.PARAMS_JSON).write_text(json.dumps(params))
        (self.folder / layout.CAPTURE_JSON).write_text(json.dumps(capture, indent=1))
        self._finished = True

    def _discard(self, numbers: set[int]) -> None:
        names = layout.part_names(self.folder)
        for number in numbers:
            layout.image_path(self.folder, number).unlink()
            layout.mask_path(self.folder, number).unlink()
            layout.normal_path(self.folder, number).unlink(missing_ok=True)
            for name in names:
                layout.part_path(self.folder, name, number).unlink(missing_ok=True)


def _check_replaceable(out: pathlib.Path) -> None:
    """Only what we wrote may be replaced: never published data, never a folder with a user's own files."""
    entries = {entry.name for entry in out.iterdir()} if out.is_dir() else set()
    if not entries:
        return
    ours = layout.CAPTURE_JSON in entries and layout.PARAMS_JSON in entries
    foreign = sorted(entries - layout.REPLACEABLE)
    if not ours or foreign:
        why = f"holds {foreign[0]}" if foreign else "is not a dataset folder written by this program"
        raise UserError(f"{out} already exists and {why}; choose another folder or remove it.")


def _checked(name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> list:
    array = np.asarray(array, np.float64)
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape))
    if not fits:
        raise ValueError(f"{name} must have shape {shape}; got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a value that is not finite.")
    return array.tolist()


def _checked_picture(name: str, picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if picture.shape != shape or picture.dtype != np.uint8:
        raise ValueError(f"{name} must be {shape} uint8; got {picture.shape} {picture.dtype}.")
    return picture
