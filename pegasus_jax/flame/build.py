"""From the arrays of a head file to a checked `HeadModel`: one place for scale, column ranges and checks.

Files are in metres. FLAME's basis of 400 columns holds identity in columns 0..299 and expression in 300..399;
we use the first 100 and the first 50 of each. A basis of 150 columns holds exactly those.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.flame.model import (
    HEAD_UNITS_PER_METRE,
    NUM_BETAS,
    NUM_EXPRESSION,
    NUM_JOINTS,
    NUM_POSE_FEATURES,
    PARENTS,
    Embedding,
    TextureLayout,
)

_FIRST_EXPRESSION_COLUMN = {400: 300, 150: 100}  # by the number of columns in the file
_LARGEST = 1e6  # of any number in a head file: metres, coefficients of bases, indices
_WEIGHT_SLACK = 1e-3  # files are written with few digits
_UNIT_SLACK = 1e-3  # texture coordinates are printed with few digits
_REQUIRED = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")


def geometry(arrays: Mapping[str, np.ndarray], *, source: str) -> dict[str, Any]:
    """The geometric fields of `HeadModel`, in head units, from FLAME's arrays in metres.

    Raises:
      UserError: an array is missing, has a wrong shape, or holds NaN or Inf; the sentence names `source`.
    """
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise UserError(
            f"{source} is not a FLAME head model: it has no array {missing[0]!r}; "
            "give a FLAME 2020 or 2023 .pkl, or an .npz in the same layout."
        )
    arrays = {name: np.asarray(arrays[name]) for name in _REQUIRED}
    _check_finite(arrays, source)
    _check_joints(arrays, source)
    _check_shapes(arrays, source)
    shapedirs = arrays["shapedirs"].astype(np.float32) * HEAD_UNITS_PER_METRE
    first = _FIRST_EXPRESSION_COLUMN[shapedirs.shape[2]]
    posedirs = arrays["posedirs"].astype(np.float32) * HEAD_UNITS_PER_METRE
    return {
        "v_template": arrays["v_template"].astype(np.float32) * HEAD_UNITS_PER_METRE,
        "faces": arrays["f"].astype(np.int32),
        "shapedirs": np.ascontiguousarray(shapedirs[:, :, :NUM_BETAS]),
        "exprdirs": np.ascontiguousarray(shapedirs[:, :, first : first + NUM_EXPRESSION]),
        "posedirs": np.ascontiguousarray(np.moveaxis(posedirs, 2, 0)),
        "J_regressor": arrays["J_regressor"].astype(np.float32),
        "lbs_weights": arrays["weights"].astype(np.float32),
    }


def embedding(faces_idx: np.ndarray, bary: np.ndarray, *, num_faces: int, source: str) -> Embedding:
    """A checked `Embedding`: `faces_idx` (*), `bary` (*, 3).

    Raises:
      UserError: shapes disagree, a triangle does not exist, or the barycentrics do not sum to 1.
    """
    faces_idx, bary = np.asarray(faces_idx), np.asarray(bary)
    _check_integers(faces_idx, f"{source}: its list of triangles")
    _check_numbers(bary, f"{source}: its list of barycentric coordinates")
    if bary.shape != (*faces_idx.shape, 3):
        raise UserError(f"{source}: {faces_idx.shape} triangles need as many barycentrics; got {bary.shape}.")
    if faces_idx.size and not (faces_idx.min() >= 0 and faces_idx.max() < num_faces):
        raise UserError(f"{source} names a triangle outside the mesh's {num_faces}: it is for another head.")
    if not np.allclose(bary.sum(-1), 1.0, atol=1e-3):
        raise UserError(f"{source}: barycentric coordinates must sum to 1.")
    return Embedding(faces_idx.astype(np.int32), bary.astype(np.float32))


def texture_layout(vertices: np.ndarray, triangles: np.ndarray, *, num_faces: int, source: str) -> TextureLayout:
    """A checked `TextureLayout`: `vertices` (T, 2) in the unit square, `triangles` (F, 3).

    Raises:
      UserError: a shape is wrong, a texture vertex does not exist, or one lies outside the square.
    """
    vertices, triangles = np.asarray(vertices), np.asarray(triangles)
    _check_numbers(vertices, f"{source}: its texture vertices")
    _check_integers(triangles, f"{source}: its texture triangles")
    if triangles.shape != (num_faces, 3) or vertices.ndim != 2 or vertices.shape[1] != 2:
        raise UserError(
            f"{source}: a texture layout needs vertices (T, 2) and triangles ({num_faces}, 3), one for each of the "
            f"mesh; got {vertices.shape} and {triangles.shape}: it is for another head."
        )
    if triangles.size and not (triangles.min() >= 0 and triangles.max() < len(vertices)):
        raise UserError(f"{source} names a texture vertex outside its {len(vertices)}; the file is damaged.")
    if not ((vertices > -_UNIT_SLACK) & (vertices < 1.0 + _UNIT_SLACK)).all():
        raise UserError(f"{source}: texture coordinates must lie between 0 and 1.")
    return TextureLayout(vertices.astype(np.float32).clip(0.0, 1.0), triangles.astype(np.int32))


def _check_integers(array: np.ndarray, what: str) -> None:
    if array.dtype.kind not in "iu":
        raise UserError(f"{what} holds {array.dtype}, not whole numbers; the file is damaged.")


def _check_numbers(array: np.ndarray, what: str) -> None:
    if array.dtype.kind not in "fiu" or not (np.abs(array) <= _LARGEST).all():  # NaN is not
        raise UserError(f"{what} has values that are not finite numbers; the file is damaged.")


def _check_finite(arrays: Mapping[str, np.ndarray], source: str) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise UserError(f"{source}: array {name!r} holds {array.dtype}, not numbers.")
        if array.dtype.kind == "f" and not (np.abs(array) <= _LARGEST).all():
            raise UserError(f"{source}: array {name!r} has NaN or infinite values; the file is damaged.")


def _check_joints(arrays: Mapping[str, np.ndarray], source: str) -> None:
    parents = np.atleast_2d(arrays["kintree_table"])
    parents = parents[0].astype(np.int64) if len(parents) else parents.ravel()
    if parents.shape != (NUM_JOINTS,):
        raise UserError(f"{source} has {parents.size} joints; a head in FLAME's layout has {NUM_JOINTS}.")
    if tuple(parents[1:]) != PARENTS[1:]:  # FLAME writes the root's parent as 2^32 - 1
        raise UserError(f"{source}: joints 1 to 4 must hang from {PARENTS[1:]}; got {tuple(parents[1:].tolist())}.")


def _check_shapes(arrays: Mapping[str, np.ndarray], source: str) -> None:
    num_vertices = len(arrays["v_template"]) if arrays["v_template"].ndim else 0
    num_faces = len(arrays["f"]) if arrays["f"].ndim else 0
    if not num_vertices or not num_faces:
        raise UserError(f"{source} has {num_vertices} vertices and {num_faces} triangles: that is no head.")
    expected = {
        "v_template": (num_vertices, 3),
        "f": (num_faces, 3),
        "posedirs": (num_vertices, 3, NUM_POSE_FEATURES),
        "J_regressor": (NUM_JOINTS, num_vertices),
        "weights": (num_vertices, NUM_JOINTS),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise UserError(f"{source}: array {name!r} must have shape {shape}; got {arrays[name].shape}.")
    shape = arrays["shapedirs"].shape
    if shape[:2] != (num_vertices, 3) or shape[2] not in _FIRST_EXPRESSION_COLUMN:
        raise UserError(f"{source}: array 'shapedirs' must be ({num_vertices}, 3, 400 or 150); got {shape}.")
    faces, weights = arrays["f"], arrays["weights"]
    _check_integers(faces, f"{source}: array 'f'")
    if weights.min() < -_WEIGHT_SLACK or np.abs(weights.sum(axis=1) - 1.0).max() > _WEIGHT_SLACK:
        raise UserError(f"{source}: array 'weights' must have rows of shares that sum to 1; the file is damaged.")
    if not (faces.min() >= 0 and faces.max() < num_vertices):
        raise UserError(f"{source}: array 'f' names a vertex outside the mesh's {num_vertices}.")
