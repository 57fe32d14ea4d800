"""FLAME's own `.pkl` (2020, 2023, 2023 Open) with the companion files that the field distributes beside it.

Companions are looked for in the model's folder under their usual names. Without them the head still animates:
`lmk68` is then empty (0 points), `contour` and `mediapipe` are None, and `regions` holds the eyeballs alone.
"""

import io
import os
import pathlib
from typing import Any

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.flame import build
from pegasus_jax.flame.flame_texture import read_flame_texture_layout
from pegasus_jax.flame.iris import LEFT_EYE_JOINT, RIGHT_EYE_JOINT, eyeball_vertices, iris_embedding
from pegasus_jax.flame.model import Embedding, HeadModel
from pegasus_jax.flame.pickle_reader import load_arrays, read_arrays
from pegasus_jax.untrusted import files, npy_files

# Both conventions of the field: one file with everything, or one each for the inner points and the contour.
_ALL_LANDMARKS = ("landmark_embedding.npy", "landmark_embedding_with_eyes.npy")
_STATIC = ("flame_static_embedding.pkl",)
_DYNAMIC = ("flame_dynamic_embedding.npy",)
_MEDIAPIPE = ("mediapipe_landmark_embedding.npz",)
_MASKS = ("FLAME_masks.pkl",)
_FRONTAL_ROW = 0
_OUR_NAMES = {"eye_region": "eye_regions"}  # theirs -> ours
_UNIONS = {
    "ears": ("left_ear", "right_ear"),
    "eyeballs": ("left_eyeball", "right_eyeball"),
    "skin": ("face", "scalp", "neck", "left_ear", "right_ear"),
}


def read_flame_pickle(path: str | os.PathLike[str], *, sha256: str = "") -> HeadModel:
    """The head in FLAME's pickle `path`; `sha256` is that of its bytes.

    Raises:
      UserError: the file names code, is damaged, or is not a head in FLAME's layout; or a companion file
      is so.
    """
    source, folder = os.fspath(path), pathlib.Path(path).parent
    fields = build.geometry(read_arrays(path), source=source)
    faces, weights = fields["faces"], fields["lbs_weights"]
    lmk68, contour = _landmarks(folder, len(faces))
    mediapipe, indices = _mediapipe(folder, len(faces))
    return HeadModel(
        **fields,
        lmk68=lmk68,
        contour=contour,
        mediapipe=mediapipe,
        uv=read_flame_texture_layout(folder, faces),
        iris=iris_embedding(fields["v_template"], faces, weights),
        regions=_regions(folder, weights),
        mediapipe_indices=indices,
        mediapipe_contour=(False,) * len(indices),  # that file has no point of the face oval
        name=pathlib.Path(path).stem,
        sha256=sha256,
    )


def _find(folder: pathlib.Path, names: tuple[str, ...]) -> pathlib.Path | None:
    return next((folder / name for name in names if os.path.lexists(folder / name)), None)


def _landmarks(folder: pathlib.Path, num_faces: int) -> tuple[Embedding, Embedding | None]:
    """(68 points with a static contour, 79 x 17 contour rows) from whichever convention is there."""
    file = _find(folder, _ALL_LANDMARKS)
    if file is not None:
        arrays = _read_npy_dict(file)
        contour = _pair(arrays, "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords", num_faces, file)
        full = _pair(arrays, "full_lmk_faces_idx", "full_lmk_bary_coords", num_faces, file)
        _check_landmarks(full.faces_idx.size, contour, file)
        return Embedding(full.faces_idx.reshape(-1)[:68], full.bary.reshape(-1, 3)[:68]), contour
    static_file, dynamic_file = _find(folder, _STATIC), _find(folder, _DYNAMIC)
    if static_file is None or dynamic_file is None:
        return Embedding(np.zeros(0, np.int32), np.zeros((0, 3), np.float32)), None
    inner = _pair(read_arrays(static_file), "lmk_face_idx", "lmk_b_coords", num_faces, static_file)
    contour = _pair(_read_npy_dict(dynamic_file), "lmk_face_idx", "lmk_b_coords", num_faces, dynamic_file)
    _check_landmarks(contour.faces_idx[:1].size + inner.faces_idx.size, contour, dynamic_file)
    lmk68 = Embedding(
        np.concatenate([contour.faces_idx[_FRONTAL_ROW], inner.faces_idx.ravel()]),
        np.concatenate([contour.bary[_FRONTAL_ROW], inner.bary.reshape(-1, 3)]),
    )
    return lmk68, contour


def _check_landmarks(count: int, contour: Embedding, file: pathlib.Path) -> None:
    if count < 68 or contour.faces_idx.ndim != 2 or not contour.faces_idx.size:
        told = f"{count}, contours of the shape {contour.faces_idx.shape}"
        raise UserError(f"{file}: a head has 68 landmarks, and contours (79, 17); it has {told}; fetch it again.")


def _mediapipe(folder: pathlib.Path, num_faces: int) -> tuple[Embedding | None, tuple[int, ...]]:
    file = _find(folder, _MEDIAPIPE)
    if file is None:
        return None, ()
    arrays = npy_files.read_npz(file)
    embedding = _pair(arrays, "lmk_face_idx", "lmk_b_coords", num_faces, file)
    indices = np.asarray(arrays.get("landmark_indices", ()))
    if indices.dtype.kind not in "iu" or indices.shape != embedding.faces_idx.shape:
        raise UserError(f"{file}: 'landmark_indices' must hold one whole number for each point; fetch it again.")
    return embedding, tuple(indices.tolist())


def _regions(folder: pathlib.Path, lbs_weights: np.ndarray) -> dict[str, np.ndarray]:
    """Masks (V,) from FLAME_masks.pkl (lists of vertices) and unions of them; eyeballs always."""
    regions = {
        "left_eyeball": eyeball_vertices(lbs_weights, LEFT_EYE_JOINT),
        "right_eyeball": eyeball_vertices(lbs_weights, RIGHT_EYE_JOINT),
    }
    file = _find(folder, _MASKS)
    for name, indices in (read_arrays(file) if file else {}).items():
        mask = np.zeros(len(lbs_weights), bool)
        vertices = np.asarray(indices)
        if vertices.dtype.kind not in "iu" or vertices.ndim != 1 or not _are_rows(vertices, len(mask)):
            raise UserError(f"{file}: {files.said(str(name))} is no list of the head's {len(mask)} vertices.")
        mask[vertices] = True
        regions[_OUR_NAMES.get(name, name)] = mask
    for name, parts in _UNIONS.items():
        if all(part in regions for part in parts):
            regions[name] = np.logical_or.reduce([regions[part] for part in parts])
    return regions


def _are_rows(indices: np.ndarray, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _pair(arrays: dict[str, Any], faces: str, bary: str, num_faces: int, file: pathlib.Path) -> Embedding:
    for name in (faces, bary):
        if name not in arrays:
            raise UserError(f"{file} has no array {name!r}; give the landmark file made for this FLAME model.")
    return build.embedding(arrays[faces], arrays[bary], num_faces=num_faces, source=f"{file} ({faces}, {bary})")


def _read_npy_dict(file: pathlib.Path) -> dict[str, Any]:
    """The dict that `np.save` pickled into `file`, read without running it."""
    stream = io.BytesIO(files.read_bytes(file))
    try:
        npy_files.read_header(stream)
    except ValueError as error:
        raise UserError(f"{file} is not an .npy file ({error}); fetch it again.") from error
    return load_arrays(stream.read(), source=os.fspath(file))
