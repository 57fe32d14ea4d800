"""What VHAP exports and GaussianAvatars publishes: NeRF-style cameras, FLAME's parameters as one `.npz` per moment.

The camera has OpenGL's axes (x right, y up, z backward), as IMAvatar's; metres. The head is moved by FLAME's global
rotation and then by `translation`, which goes into our cameras: our world has none.
"""

import pathlib

import numpy as np

from pegasus_jax.data import checks, nerf_style
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.data.files import FrameFiles, common_size, find_matte
from pegasus_jax.data.nerf_style import View
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import HEAD_UNITS_PER_METRE, NUM_BETAS, NUM_EXPRESSION
from pegasus_jax.untrusted import npy_files

PARAMS_KEY = "flame_param_path"

# Rotations in the order of our pose: global, neck, jaw, left eye and right eye; axis-angle, radians.
_POSE_KEYS = {"rotation": 3, "neck_pose": 3, "jaw_pose": 3, "eyes_pose": 6}


def read_vhap(folder: pathlib.Path, views: list[View]) -> Dataset:
    """The dataset of a VHAP export; several cameras may show one moment.

    Raises:
        UserError: anything is missing, of wrong length or size, not finite, or outside the folder.
    """
    files = tuple(_files(folder, view) for view in views)
    size = common_size(files)
    read: dict[pathlib.Path, dict[str, np.ndarray]] = {}
    params = [_params(folder, view, read) for view in views]
    rotation, offset = nerf_style.extrinsics(views)
    translation = np.stack([frame["translation"] for frame in params]).astype(np.float64)
    moved = HEAD_UNITS_PER_METRE * (np.einsum("fij,fj->fi", rotation, translation) + offset)
    return Dataset(
        folder=folder,
        numbers=nerf_style.numbers(views),
        files=files,
        world_mat=np.concatenate([rotation, moved[:, :, None]], axis=2).astype(np.float32),
        expression=np.stack([frame["expr"] for frame in params]),
        pose=np.stack([frame["pose"] for frame in params]),
        intrinsics=nerf_style.intrinsics(views, image_size=size),
        frame_betas=np.stack([frame["shape"] for frame in params]),
        image_size=size,
        capture={},
        part_names=(),
        held_out=nerf_style.held_out(views),
    )


def _files(folder: pathlib.Path, view: View) -> FrameFiles:
    name = view.entry.get("fg_mask_path")
    mask = checks.inside(folder, name, where=f"{view.where}.fg_mask_path") if name else None
    return FrameFiles(image=view.image, matte=find_matte(view.image, mask))


def _params(folder: pathlib.Path, view: View, read: dict[pathlib.Path, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Our parameters of a frame; cameras of one moment share a file, which is read once."""
    where = f"{view.where}.{PARAMS_KEY}"
    path = checks.inside(folder, checks.get(view.entry, PARAMS_KEY, where=view.where), where=where)
    if path not in read:
        read[path] = _read_params(path)
    return read[path]


def _read_params(path: pathlib.Path) -> dict[str, np.ndarray]:
    arrays = npy_files.read_npz(path, names=("translation", *_POSE_KEYS, "shape", "expr"))
    return {
        "translation": _vector(arrays, "translation", 3, path),
        "pose": np.concatenate([_vector(arrays, key, size, path) for key, size in _POSE_KEYS.items()]),
        "shape": _coefficients(arrays, "shape", NUM_BETAS, path),
        "expr": _coefficients(arrays, "expr", NUM_EXPRESSION, path),
    }


def _vector(arrays: dict[str, np.ndarray], key: str, size: int, path: pathlib.Path) -> np.ndarray:
    found = checks.get(arrays, key, where=str(path))
    if found.size != size:
        raise UserError(f"{path}: {key} must be {size} numbers; it has shape {found.shape}.")
    return checks.leading(found, size, where=f"{path}: {key}")


def _coefficients(arrays: dict[str, np.ndarray], key: str, count: int, path: pathlib.Path) -> np.ndarray:
    return checks.leading(checks.get(arrays, key, where=str(path)), count, where=f"{path}: {key}")
