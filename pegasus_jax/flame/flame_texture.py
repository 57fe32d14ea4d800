"""FLAME's texture layout, from the files that the field distributes beside the model: one of two, under usual names.

`head_template_mesh.obj` is FLAME's template as a mesh with texture coordinates; `FLAME_texture.npz` is the texture
space of FLAME's site, of which `vt` and `ft` alone are read.
"""

import os
import pathlib
import re

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.flame import build
from pegasus_jax.flame.model import TextureLayout
from pegasus_jax.untrusted import files, npy_files

_MESHES = ("head_template_mesh.obj", "head_template.obj")
_TEXTURE_SPACE = "FLAME_texture.npz"
_COORDINATES = re.compile(r"^vt\s+(\S+)\s+(\S+)", re.MULTILINE)
_TRIANGLE = re.compile(r"^f\s+(\d+)/(\d+)\S*\s+(\d+)/(\d+)\S*\s+(\d+)/(\d+)\S*\s*$", re.MULTILINE)


def read_flame_texture_layout(folder: pathlib.Path, faces: np.ndarray) -> TextureLayout | None:
    """Returns the layout in a folder for a mesh with triangles `faces` (F, 3); None if no such file is there.

    Raises:
      UserError: a file is damaged, or is for another mesh.
    """
    for name in _MESHES:
        if (folder / name).is_file():
            return _of_mesh(folder / name, faces)
    if (folder / _TEXTURE_SPACE).is_file():
        return _of_texture_space(folder / _TEXTURE_SPACE, faces)
    return None


def _of_mesh(file: pathlib.Path, faces: np.ndarray) -> TextureLayout:
    """The layout of an `.obj` whose triangles may stand in another order, or begin with another corner."""
    text = files.read_bytes(file).decode(errors="replace")
    try:
        vertices = np.array(_COORDINATES.findall(text), np.float64)
        corners = np.array(_TRIANGLE.findall(text), np.int64).reshape(-1, 3, 2) - 1
    except (ValueError, OverflowError) as error:
        raise UserError(f"{file} has texture coordinates that are no numbers ({error}); fetch it again.") from error
    if not len(vertices) or not len(corners):
        raise UserError(f"{file} has no triangles with texture coordinates; take the mesh that comes with them.")
    sides = {tuple(sorted(triangle)): row for row, triangle in enumerate(corners[..., 0].tolist())}
    rows = [sides.get(tuple(sorted(triangle))) for triangle in np.asarray(faces).tolist()]
    if None in rows:
        raise UserError(f"{file} lacks triangle {rows.index(None)} of the head: it is the mesh of another one.")
    mesh = corners[np.array(rows)]
    same = mesh[:, None, :, 0] == np.asarray(faces)[:, :, None]  # (F, corner of the head, corner of the file)
    triangles = np.take_along_axis(mesh[..., 1], same.argmax(axis=2), axis=1)
    return build.texture_layout(vertices, triangles, num_faces=len(faces), source=os.fspath(file))


def _of_texture_space(file: pathlib.Path, faces: np.ndarray) -> TextureLayout:
    arrays = npy_files.read_npz(file, names=("vt", "ft"))
    if "vt" not in arrays or "ft" not in arrays:
        raise UserError(f"{file} is not FLAME's texture space (it has no vt or no ft); fetch it again.")
    return build.texture_layout(arrays["vt"], arrays["ft"], num_faces=len(faces), source=os.fspath(file))
