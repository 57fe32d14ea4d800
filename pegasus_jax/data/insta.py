"""INSTA's dataset folder: NeRF-style cameras and FLAME's parameters as text files, made from the metrical tracker's.

The camera has OpenCV's axes (x right, y down, z forward), metres; all of the head's movement is the camera's. Published
folders have `flame/exp/<frame>.txt` alone: shape, jaw and eyes stay in the tracker's checkpoints. They are read where
somebody has put them beside it, as `flame/shape/<frame>.txt`, `flame/jaw/…` and `flame/eyes/…`.
"""

import os
import pathlib

import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.data import checks, nerf_style
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.data.files import FrameFiles, common_size, find_matte
from pegasus_jax.data.nerf_style import View
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import HEAD_UNITS_PER_METRE, JAW, LEFT_EYE, NUM_BETAS, NUM_EXPRESSION, POSE_SIZE, RIGHT_EYE
from pegasus_jax.untrusted import files

EXPRESSION_KEY = "exp_path"

_MATTED = "matted"  # RGBA twins of the pictures
_CV_TO_GL = np.diag([1.0, -1.0, -1.0])
_Numbers = tuple[pathlib.Path, np.ndarray]  # those in a text file
_DEGENERATE = 1e-6  # size of the cross product of two rows that span no plane


def read_insta(folder: pathlib.Path, views: list[View]) -> Dataset:
    """The dataset of an INSTA folder. What it lacks of shape, jaw and eyes is zero, and said in `notes`.

    Raises:
        UserError: anything is missing, of wrong length or size, not finite, or outside the folder.
    """
    files = tuple(_files(folder, view) for view in views)
    size = common_size(files)
    rotation, translation = nerf_style.extrinsics(views)
    T_camera_world = np.concatenate([rotation, HEAD_UNITS_PER_METRE * translation[:, :, None]], axis=2)
    betas, jaw, eyes = (_all(folder, views, name) for name in ("shape", "jaw", "eyes"))
    pose = np.zeros((len(views), POSE_SIZE), np.float32)
    if jaw is not None:
        pose[:, JAW] = _axis_angles(jaw, 1, folder)
    if eyes is not None:
        pose[:, LEFT_EYE.start : RIGHT_EYE.stop] = _axis_angles(eyes, 2, folder)
    lacking = [name for name, found in (("shape", betas), ("jaw", jaw), ("eyes", eyes)) if found is None]
    return Dataset(
        folder=folder,
        numbers=nerf_style.numbers(views),
        files=files,
        world_mat=(_CV_TO_GL @ T_camera_world).astype(np.float32),
        expression=np.stack([_expression(folder, view) for view in views]),
        pose=pose,
        intrinsics=nerf_style.intrinsics(views, image_size=size),
        frame_betas=np.zeros((len(views), NUM_BETAS), np.float32) if betas is None else _first(betas),
        image_size=size,
        capture={},
        part_names=(),
        held_out=nerf_style.held_out(views),
        notes=(_note(folder, lacking),) if lacking else (),
    )


def _note(folder: pathlib.Path, lacking: list[str]) -> str:
    return (
        f"{folder} has no FLAME parameters of {', '.join(lacking)} (flame/{lacking[0]}/…): they are taken to be zero, "
        "so the tracked head does not fit the pictures exactly; capture the video again for a better avatar."
    )


def _files(folder: pathlib.Path, view: View) -> FrameFiles:
    twin = folder / _MATTED / f"{view.image.stem}.png"
    return FrameFiles(image=view.image, matte=find_matte(view.image, None, twins=[twin]))


def _expression(folder: pathlib.Path, view: View) -> np.ndarray:
    path = _text_path(folder, view)
    return checks.leading(_read_text(path), NUM_EXPRESSION, where=str(path))


def _text_path(folder: pathlib.Path, view: View, *, sibling: str | None = None) -> pathlib.Path:
    """Of a frame's expression, or of what lies in a folder beside the expressions'."""
    where = f"{view.where}.{EXPRESSION_KEY}"
    name = checks.get(view.entry, EXPRESSION_KEY, where=view.where)
    path = checks.inside(folder, name, where=where)
    if sibling is None:
        return path
    beside = os.path.join(os.path.dirname(checks.slashed(name)), os.pardir, sibling, path.name)
    return checks.inside(folder, beside, where=where)


def _all(folder: pathlib.Path, views: list[View], name: str) -> list[_Numbers] | None:
    """One text per frame; None where no frame has such a file."""
    paths = [_text_path(folder, view, sibling=name) for view in views]
    return [(path, _read_text(path)) for path in paths] if any(path.exists() for path in paths) else None


def _read_text(path: pathlib.Path) -> np.ndarray:
    try:
        return checks.as_float32(files.read_text(path).split())
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{path} must hold numbers, one per line ({error}).") from error


def _first(betas: list[_Numbers]) -> np.ndarray:
    return np.stack([checks.leading(numbers, NUM_BETAS, where=str(path)) for path, numbers in betas])


def _axis_angles(frames: list[_Numbers], count: int, folder: pathlib.Path) -> np.ndarray:
    """(F, 3 count) axis-angle, radians, from `count` rotations per frame of 3 numbers each, or of 6: two rows."""
    if {numbers.size for _, numbers in frames} not in ({3 * count}, {6 * count}):
        name = "jaw" if count == 1 else "eyes"
        raise UserError(f"{folder}: each file in flame/{name} must hold {3 * count} or {6 * count} numbers.")
    return np.stack([_axis_angle(path, checks.finite(numbers, where=str(path)), count) for path, numbers in frames])


def _axis_angle(path: pathlib.Path, numbers: np.ndarray, count: int) -> np.ndarray:
    if numbers.size == 3 * count:
        return numbers
    rows = numbers.reshape(-1, 2, 3)
    if np.linalg.norm(np.cross(rows[:, 0], rows[:, 1]), axis=1).min() < _DEGENERATE:
        raise UserError(f"{path} holds 6 numbers that are not the first two rows of a rotation.")
    return _of_rows(rows).reshape(-1)


def _of_rows(rows: np.ndarray) -> np.ndarray:
    """(N, 2, 3) the first two rows of rotations, made orthonormal in order -> (N, 3) axis-angle."""
    first = rows[:, 0] / np.linalg.norm(rows[:, 0], axis=1, keepdims=True)
    second = rows[:, 1] - np.sum(first * rows[:, 1], axis=1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=1, keepdims=True)
    matrices = np.stack([first, second, np.cross(first, second)], axis=1)
    return Rotation.from_matrix(matrices).as_rotvec()
