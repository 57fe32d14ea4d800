"""Heads in FLAME's layout as `.npz`: FLAME's array names, plus landmarks (`full_lmk_*`, `mediapipe_*`,
`iris_*`), `expression_names`, regions as `mask_<name>` (V,) bool, and a texture layout as `vt`, `ft`. Metres; landmarks
other than the 68 and the layout are optional.
"""

import os
from collections.abc import Mapping

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.flame import build
from pegasus_jax.flame.model import NUM_EXPRESSION, Embedding, HeadModel, TextureLayout
from pegasus_jax.untrusted import npy_files

_MASK_PREFIX = "mask_"
_TEETH = "teeth"
_NUM_IRIS = 10


def read_npz(path: str | os.PathLike[str], *, sha256: str = "") -> HeadModel:
    """The head in the `.npz` file `path`; `sha256` is that of its bytes.

    Raises:
      UserError: the file is not an `.npz` of plain arrays, or its arrays are not a head in FLAME's layout.
    """
    arrays, source = npy_files.read_npz(path), os.fspath(path)
    fields = build.geometry(arrays, source=source)
    num_faces, num_vertices = len(fields["faces"]), len(fields["v_template"])
    lmk68 = _embedding(arrays, "full_lmk_faces_idx", "full_lmk_bary_coords", num_faces, source)
    if lmk68 is None or lmk68.faces_idx.shape != (68,):
        raise UserError(f"{source}: 'full_lmk_faces_idx' and 'full_lmk_bary_coords' must hold 68 landmarks.")
    mediapipe = _embedding(arrays, "mediapipe_face_idx", "mediapipe_bary", num_faces, source)
    num_mediapipe = len(np.atleast_1d(mediapipe.faces_idx)) if mediapipe else 0
    iris = _embedding(arrays, "iris_face_idx", "iris_bary", num_faces, source)
    contour = _embedding(arrays, "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords", num_faces, source)
    for name, found, axes in (("mediapipe_face_idx", mediapipe, 1), ("dynamic_lmk_faces_idx", contour, 2)):
        if found is not None and found.faces_idx.ndim != axes:
            raise UserError(f"{source}: {name!r} must have {axes} axes; it has the shape {found.faces_idx.shape}.")
    if iris is not None and iris.faces_idx.shape != (_NUM_IRIS,):
        raise UserError(f"{source}: 'iris_face_idx' must hold {_NUM_IRIS} points; it has {iris.faces_idx.shape}.")
    return HeadModel(
        **fields,
        lmk68=lmk68,
        contour=contour,
        mediapipe=mediapipe,
        iris=iris,
        regions=_regions(arrays, num_vertices, source),
        uv=_texture_layout(arrays, num_faces, source),
        mediapipe_indices=_tuple(arrays, "mediapipe_indices", "iu", num_mediapipe, source) if mediapipe else (),
        mediapipe_contour=_tuple(arrays, "mediapipe_contour", "b", num_mediapipe, source) if mediapipe else (),
        expression_names=_tuple(arrays, "expression_names", "U", NUM_EXPRESSION, source),
        name=str(arrays.get("meta_name", os.path.splitext(os.path.basename(source))[0])),
        sha256=sha256,
    )


def _embedding(
    arrays: Mapping[str, np.ndarray], faces_name: str, bary_name: str, num_faces: int, source: str
) -> Embedding | None:
    if faces_name not in arrays or bary_name not in arrays:
        return None
    where = f"{source} ({faces_name}, {bary_name})"
    return build.embedding(arrays[faces_name], arrays[bary_name], num_faces=num_faces, source=where)


def _texture_layout(arrays: Mapping[str, np.ndarray], num_faces: int, source: str) -> TextureLayout | None:
    if "vt" not in arrays or "ft" not in arrays:
        return None
    return build.texture_layout(arrays["vt"], arrays["ft"], num_faces=num_faces, source=f"{source} (vt, ft)")


def _regions(arrays: Mapping[str, np.ndarray], num_vertices: int, source: str) -> dict[str, np.ndarray]:
    names = [name for name in arrays if name.startswith(_MASK_PREFIX)]
    for name in names:
        if arrays[name].shape != (num_vertices,) or arrays[name].dtype.kind not in "biu":
            raise UserError(f"{source}: array {name!r} must hold one value per vertex, {num_vertices}.")
    masks = {name.removeprefix(_MASK_PREFIX): arrays[name].astype(bool) for name in names}
    if "part" in arrays and "part_names" in arrays and _TEETH in arrays["part_names"]:
        masks.setdefault(_TEETH, arrays["part"] == arrays["part_names"].tolist().index(_TEETH))
    return masks


def _tuple(arrays: Mapping[str, np.ndarray], name: str, kinds: str, size: int, source: str) -> tuple:
    if name not in arrays:
        return ()
    if arrays[name].shape != (size,) or arrays[name].dtype.kind not in kinds:
        told = f"{arrays[name].dtype} {arrays[name].shape}"
        raise UserError(f"{source}: {name!r} must hold {size} values, one each; it is {told}.")
    return tuple(arrays[name].tolist())
