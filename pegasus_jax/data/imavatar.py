"""IMAvatar's dataset folder, which PointAvatar, PEGASUS and this project share: spec section 9.

image/1.png  mask/1.png  flame_params.json  [semantic/1.png  ../blacklist.json]
[parts/<attribute>/1.png  normal/1.png  capture.json]
"""

import pathlib
import re
from typing import Any

import numpy as np

from pegasus_jax.data import checks, layout
from pegasus_jax.data.dataset import Dataset
from pegasus_jax.data.files import common_size
from pegasus_jax.data.numbered import NumberedFiles
from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, POSE_SIZE

# The first release of IMAvatar stored intrinsics in pixels of 512 x 512 images: there cy is above 1.
_OLD_INTRINSICS_SIDE = 512.0

_UNUSED = "flame_keypoints"  # three fifths of the file
_PLAIN = re.compile(rf"(?:\./)?{layout.IMAGE}/(\d{{1,18}})(?:\.png)?")

# Face-parsing labels (CelebAMask-HQ's 19 classes) of the attributes that PEGASUS swaps, and of clothing.
PART_LABELS = {
    "hair": (17,),
    "hat": (18,),
    "eyebrows": (2, 3),
    "eyes": (4, 5),
    "nose": (10,),
    "mouth": (11, 12, 13),
    "clothing": (15, 16),
}


def read_imavatar(folder: pathlib.Path, path: pathlib.Path) -> Dataset:
    """Reads and checks a folder in IMAvatar's layout.

    Args:
        folder: holds `image/` and `mask/`.
        path: the json of its parameters.

    Raises:
        UserError: anything is missing, of wrong length or size, not finite, or outside the folder.
    """
    params, where = checks.read_json(path, without=_UNUSED), str(path)
    entries = checks.frame_entries(params, where=where)
    numbers = np.array([_number(folder, entry, where=f"{where}: frames[{i}]") for i, entry in enumerate(entries)])
    kept = _not_blacklisted(folder, numbers)
    if len(set(numbers.tolist())) < len(numbers):
        raise UserError(f"{path}: two frames have the same file_path; keep one of them.")
    labels = _labels(folder)
    files = NumberedFiles(folder, numbers[kept].tolist(), labels)
    return Dataset(
        folder=folder,
        numbers=numbers[kept],
        files=files,
        world_mat=_world_mat(entries, where=where)[kept],
        expression=checks.frame_coefficients(entries, "expression", NUM_EXPRESSION, where=where)[kept],
        pose=checks.frame_arrays(entries, "pose", (POSE_SIZE,), where=where)[kept],
        intrinsics=np.tile(_intrinsics(params, where=where), (len(files), 1)),
        frame_betas=_frame_betas(params, entries, where=where)[kept],
        image_size=common_size(files),
        capture=_capture(folder),
        part_names=tuple(labels),
    )


def _not_blacklisted(folder: pathlib.Path, numbers: np.ndarray) -> np.ndarray:
    """Positions of the frames to use: PEGASUS lists beside its folders those without pictures, or with bad ones."""
    path = folder.parent / layout.BLACKLIST_JSON
    names = checks.read_json(path).get(folder.name, []) if path.is_file() else []
    if not isinstance(names, list):
        raise UserError(f"{path}: {folder.name} must be a list of names such as '1.png'.")
    kept = np.flatnonzero([f"{number}.png" not in names for number in numbers.tolist()])
    if not kept.size:
        raise UserError(f"{path} lists every frame of {folder}; there is nothing left to use.")
    return kept


def _number(folder: pathlib.Path, entry: Any, *, where: str) -> int:
    name = checks.get(entry, "file_path", where=where)
    plain = _PLAIN.fullmatch(checks.slashed(name)) if isinstance(name, str) else None
    if plain:
        return int(plain[1])
    path = checks.inside(folder, name, where=f"{where}.file_path")
    if path.parent != folder / layout.IMAGE or not re.fullmatch(r"\d{1,18}", path.stem):
        raise UserError(f"{where}.file_path must look like './{layout.IMAGE}/1'; got {name!r}.")
    return int(path.stem)


def _world_mat(entries: list[Any], *, where: str) -> np.ndarray:
    """(F, 3, 4); a fourth row, which every frame has then, must be that of a rigid motion."""
    first = entries[0].get("world_mat") if isinstance(entries[0], dict) else None
    if not (isinstance(first, list) and len(first) == 4):
        return checks.frame_arrays(entries, "world_mat", (3, 4), where=where)
    whole = checks.frame_arrays(entries, "world_mat", (4, 4), where=where)
    for row in np.flatnonzero((whole[:, 3] != (0, 0, 0, 1)).any(axis=1)):
        raise UserError(f"{where}: frames[{row}]: world_mat must end with the row [0, 0, 0, 1], or have three rows.")
    return whole[:, :3]


def _labels(folder: pathlib.Path) -> dict[str, tuple[int, ...]]:
    """Attributes that have masks, sorted, with their labels: none where there are masks, which may be soft and win."""
    labelled = PART_LABELS if (folder / layout.SEMANTIC).is_dir() else {}
    return dict(sorted({**labelled, **dict.fromkeys(layout.part_names(folder), ())}.items()))


def _frame_betas(params: dict[str, Any], entries: list[Any], *, where: str) -> np.ndarray:
    """(F, 100): the person's shape, or that of each frame in data fitted with one shape per frame."""
    per_frame = isinstance(entries[0], dict) and "shape_params" in entries[0]
    if "shape_params" not in params and per_frame:
        return checks.frame_coefficients(entries, "shape_params", NUM_BETAS, where=where)
    shape = checks.get(params, "shape_params", where=where)
    return np.tile(checks.leading(shape, NUM_BETAS, where=f"{where}: shape_params"), (len(entries), 1))


def _intrinsics(params: dict[str, Any], *, where: str) -> np.ndarray:
    intrinsics = checks.array(params, "intrinsics", (4,), where=where)
    if intrinsics[3] > 1:
        intrinsics = intrinsics / np.float32(_OLD_INTRINSICS_SIDE)
    if intrinsics[0] == 0 or intrinsics[1] <= 0:
        raise UserError(f"{where}: intrinsics must be [-fx/W, fy/H, cx/W, cy/H] with fx, fy above 0.")
    return intrinsics


def _capture(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / layout.CAPTURE_JSON
    capture = checks.read_json(path) if path.exists() else {}
    head = capture.get("head", {})
    if not isinstance(head, dict) or not all(isinstance(head.get(key, ""), str) for key in ("name", "sha256")):
        raise UserError(f"{path}: head must have a name and a sha256; capture the video again.")
    return capture
