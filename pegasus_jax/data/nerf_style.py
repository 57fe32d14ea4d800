"""NeRF-style capture files, `transforms.json` or `transforms_{train,val,test}.json`: pictures and cameras.

What INSTA and VHAP share. A frame's `transform_matrix` maps its camera to the world; `fl_x`, `fl_y`, `cx`, `cy`, `w`
and `h` are pixels, `camera_angle_x` radians, each beside the frame or once beside `frames`. Where FLAME's parameters
are, and which way the camera's axes point, differs: `insta`, `vhap`.
"""

import dataclasses
import os
import pathlib
import re
from typing import Any

import numpy as np

from pegasus_jax.data import checks, pictures
from pegasus_jax.errors import UserError

HELD_OUT_JSONS = ("transforms_val.json", "transforms_test.json")
SPLIT_JSONS = ("transforms_train.json", *HELD_OUT_JSONS)
WHOLE_JSON = "transforms.json"
PREFIX = "transforms"

_MOST_DIGITS = 18  # of a frame's number; more are no number that an array takes
_SAME_SHAPE = 0.01  # relative difference of aspect ratios


@dataclasses.dataclass(frozen=True)
class View:
    """One picture and what the json says about it."""

    entry: dict[str, Any]  # the frame's keys over those that all frames share
    image: pathlib.Path
    held_out: bool
    where: str  # for messages: the json and the frame in it


def transforms_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files to read: those of the split if there are any, for they hold every frame; else the one of all frames."""
    split = [folder / name for name in SPLIT_JSONS if os.path.lexists(folder / name)]
    whole = folder / WHOLE_JSON
    return split or ([whole] if os.path.lexists(whole) else [])


def read_views(folder: pathlib.Path) -> list[View]:
    """The frames of all files in order of time, each picture once.

    A frame of the validation or the test file is held out, even if another file names it too. One of several files may
    be empty, as a capture by one camera has no camera left for validation.

    Raises:
        UserError: a file cannot be read, no file has a frame, a frame has no `file_path`, or a picture lies outside the
            folder.
    """
    views: dict[pathlib.Path, View] = {}
    paths = transforms_files(folder)
    for path in paths:
        params = checks.read_json(path)
        shared = {key: value for key, value in params.items() if key != "frames"}
        for i, entry in enumerate(checks.frame_entries(params, where=str(path), may_be_empty=len(paths) > 1)):
            where = f"{path}: frames[{i}]"
            image = _image(folder, checks.get(entry, "file_path", where=where), where=f"{where}.file_path")
            earlier = views.get(image)
            held_out = path.name in HELD_OUT_JSONS or (earlier is not None and earlier.held_out)
            views[image] = View({**shared, **entry}, image, held_out, where)
    if not views:
        raise UserError(f"{paths[0]} has no frame, nor have the files beside it; export the capture again.")
    return sorted(views.values(), key=_time)


def numbers(views: list[View]) -> np.ndarray:
    """(F,) int: each frame's `timestep_index`, else the number in its file's name, else its place in the clip."""
    found = [view.entry.get("timestep_index", _number_in(view.image)) for view in views]
    if all(isinstance(number, int) and abs(number) < 10**_MOST_DIGITS for number in found):
        return np.array(found)
    return np.arange(1, len(views) + 1)


def held_out(views: list[View]) -> np.ndarray | None:
    """(F,) bool, or None where the files hold nothing out."""
    flags = np.array([view.held_out for view in views])
    return flags if flags.any() else None


def extrinsics(views: list[View]) -> tuple[np.ndarray, np.ndarray]:
    """World to camera, in the file's own camera axes and unit: rotations (F, 3, 3) and translations (F, 3), float64.

    Raises:
        UserError: a `transform_matrix` is missing, or is no rigid motion.
    """
    T_world_camera = np.stack(
        [checks.array(view.entry, "transform_matrix", (4, 4), where=view.where) for view in views]
    ).astype(np.float64)
    rotation, centre = T_world_camera[:, :3, :3], T_world_camera[:, :3, 3]
    for row in np.flatnonzero(~checks.are_rotations(rotation)):
        raise UserError(f"{views[row].where}: transform_matrix must be a rotation and a translation, without scale.")
    inverse = rotation.swapaxes(1, 2)
    return inverse, -np.einsum("fij,fj->fi", inverse, centre)


def intrinsics(views: list[View], *, image_size: tuple[int, int]) -> np.ndarray:
    """(F, 4) = [-fx/W, fy/H, cx/W, cy/H] float32, IMAvatar's.

    Without `w` and `h` the json is taken to speak of pictures of `image_size`; without `fl_y` pixels are square;
    without `cx` and `cy` the principal point is the middle.

    Raises:
        UserError: no focal length, one that is not positive, or a `w` and `h` of another shape than the pictures'.
    """
    return np.stack([_intrinsics(view, image_size) for view in views])


def _intrinsics(view: View, image_size: tuple[int, int]) -> np.ndarray:
    height, width = (_number(view, key, default) for key, default in zip("hw", image_size))
    if min(height, width) <= 0 or abs(width / height * image_size[0] / image_size[1] - 1) > _SAME_SHAPE:
        raise UserError(
            f"{view.where}: w and h are {width:g}x{height:g}, not of the shape of the pictures, which are "
            f"{image_size[1]}x{image_size[0]} pixels; give w and h of the pictures that the camera was calibrated for."
        )
    focal_x = _number(view, "fl_x", _focal_of_angle(view, width))
    focal_y = _number(view, "fl_y", focal_x)
    if min(focal_x, focal_y) <= 0:
        raise UserError(f"{view.where}: fl_x and fl_y must be above 0.")
    centre_x, centre_y = _number(view, "cx", width / 2), _number(view, "cy", height / 2)
    return np.array([-focal_x / width, focal_y / height, centre_x / width, centre_y / height], np.float32)


def _focal_of_angle(view: View, width: float) -> float | None:
    if "camera_angle_x" not in view.entry:
        return None
    angle = _number(view, "camera_angle_x", None)
    if not 0 < angle < np.pi:
        raise UserError(f"{view.where}: camera_angle_x must be radians between 0 and pi; it is {angle:g}.")
    return width / (2 * np.tan(angle / 2))


def _number(view: View, key: str, default: float | None) -> float:
    """The number under a key; the key must be there if there is no default."""
    if key not in view.entry and default is not None:
        return float(default)
    return float(checks.array(view.entry, key, (), where=view.where))


def _image(folder: pathlib.Path, name: Any, *, where: str) -> pathlib.Path:
    """The picture's path; names without a suffix, as NeRF's own data have them, get that of a file that is there."""
    path = checks.inside(folder, name, where=where)
    if path.suffix.lower() in pictures.SUFFIXES:
        return path
    named = [path.with_name(path.name + suffix) for suffix in pictures.SUFFIXES]
    return next((candidate for candidate in named if candidate.exists()), named[0])


def _time(view: View) -> tuple:
    """Sorts by time, then by camera, then by name; digits in names count as numbers."""
    moments = [view.entry.get(key) for key in ("timestep_index", "camera_index")]
    name = [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", view.image.as_posix())]
    return *(moment if isinstance(moment, int) else 0 for moment in moments), name


def _number_in(image: pathlib.Path) -> int | None:
    digits = re.findall(r"\d+", image.stem)
    return int(digits[-1]) if digits and len(digits[-1]) <= _MOST_DIGITS else None
