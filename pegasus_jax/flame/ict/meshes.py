"""ICT-FaceKit's meshes: Wavefront `.obj` in centimetres, all with one topology.

Read here as metres in the head's frame: x to the subject's left, y up, z out of the face, origin near the middle of
the head.
"""

import dataclasses
import re

import numpy as np

from pegasus_jax.errors import UserError

_METRES_PER_CENTIMETRE = 0.01
_ORIGIN = np.array([0.0, 0.006, 0.03])  # of the head's frame in ICT's
PRINTING_STEP = 1e-6  # metres: the files print six digits, so that 10.6145 cm is known to 0.0001 cm

_VERTEX = re.compile(rb"^v (.+)$", re.MULTILINE)
_TEXTURE = re.compile(rb"^vt (.+)$", re.MULTILINE)
_SURFACE = re.compile(rb"^(usemtl|f) (.+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Topology:
    """What all meshes share: P polygons of three or four corners, -1 where there is no fourth."""

    polygons: np.ndarray  # (P, 4) int64: vertex
    polygon_uvs: np.ndarray  # (P, 4) int64: row of `uvs`
    uvs: np.ndarray  # (T, 2): texture coordinates; each material has a unit square of its own
    material: np.ndarray  # (P,) str

    def of(self, *materials: str) -> np.ndarray:
        """Vertices (n,) of the polygons of these materials."""
        corners = self.polygons[np.isin(self.material, materials)]
        return np.unique(corners[corners >= 0])

    def edges(self) -> np.ndarray:
        """Sides of the polygons (E, 2), each once, lower vertex first."""
        following = np.roll(self.polygons, -1, axis=1)
        triangle = self.polygons[:, 3] < 0
        following[triangle, 2] = self.polygons[triangle, 0]
        sides = np.stack([self.polygons, following], axis=-1).reshape(-1, 2)
        return np.unique(np.sort(sides[(sides >= 0).all(axis=1)], axis=1), axis=0)


def read_positions(obj: bytes, *, source: str) -> np.ndarray:
    """Vertices (V, 3) of an `.obj` file in metres, in the head's frame.

    Raises:
      UserError: the file has no vertices, or something other than numbers in them.
    """
    surface = obj.find(b"\nvt ")  # most of the file, after the vertices
    return _rows(_VERTEX, obj[:surface] if surface >= 0 else obj, 3, source) * _METRES_PER_CENTIMETRE - _ORIGIN


def read_topology(obj: bytes, *, source: str) -> Topology:
    """Polygons, materials and texture coordinates of an `.obj` file.

    Raises:
      UserError: a line is not what it should be.
    """
    material, materials, corners = "", [], []
    try:
        for keyword, rest in _SURFACE.findall(obj):
            if keyword == b"usemtl":
                material = rest.strip().decode()
                continue
            polygon = [[int(index) for index in corner.split(b"/")] for corner in rest.split()]
            corners.append(polygon + [[0, 0]] * (4 - len(polygon)))
            materials.append(material)
        indices = np.array(corners).reshape(-1, 4, 2) - 1
    except ValueError as error:
        raise UserError(f"{source} is not one of ICT-FaceKit's meshes ({error}); fetch it again.") from error
    return Topology(indices[..., 0], indices[..., 1], _rows(_TEXTURE, obj, 2, source), np.array(materials))


def _rows(line: re.Pattern[bytes], obj: bytes, width: int, source: str) -> np.ndarray:
    try:
        rows = np.array(b" ".join(line.findall(obj)).split()).astype(np.float64).reshape(-1, width)
    except ValueError as error:
        raise UserError(f"{source} is not one of ICT-FaceKit's meshes ({error}); fetch it again.") from error
    if not len(rows):
        raise UserError(f"{source} is not one of ICT-FaceKit's meshes: it holds no vertices; fetch it again.")
    return rows
