"""A texture layout of the kept triangles in one unit square, the face in its middle.

ICT's own layout gives each material a square of its own; here they share one. v points up. The skin's charts lie flat;
those of gums, teeth and eyeballs, which are thinned more, may overlap themselves.
"""

import itertools

import numpy as np

from pegasus_jax.flame.ict.meshes import Topology
from pegasus_jax.flame.ict.table import Table

# Left, bottom, width, height of each material's square.
_PLACES = {
    "M_Face": (0.15, 0.3, 0.7, 0.7),
    "M_BackHead": (0.01, 0.01, 0.48, 0.27),
    "M_GumsTongue": (0.5, 0.01, 0.16, 0.27),
    "M_Teeth": (0.67, 0.01, 0.16, 0.27),
    "M_ScleraLeft": (0.85, 0.01, 0.13, 0.13),
    "M_ScleraRight": (0.85, 0.15, 0.13, 0.13),
}


def texture_layout(topology: Topology, positions: np.ndarray, table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Texture vertices (T, 2) in 0…1 and their triangles (F, 3), corner by corner those of `table.triangles`.

    A vertex on a seam has several texture vertices; a triangle takes those that lie closest together. A triangle that
    thinning drew over the seam of face and back of head reaches only as far as its chart goes.

    Args:
      topology: ICT's.
      positions: (26719, 3) of the neutral mesh.
      table: which triangles are kept.
    """
    charts = {material: _uvs_of_vertices(topology, material) for material in _PLACES}
    chosen = np.zeros(table.triangles.shape, np.int64)
    square = np.zeros(len(topology.uvs), np.int64)
    for face, corners in enumerate(table.source_vertex[table.triangles].tolist()):
        material = max(charts, key=lambda name: sum(corner in charts[name] for corner in corners))
        inside = [_nearest(charts[material], corner, positions) for corner in corners]
        chosen[face] = min(itertools.product(*inside), key=lambda rows: np.ptp(topology.uvs[list(rows)], axis=0).sum())
        square[chosen[face]] = list(_PLACES).index(material)
    used, triangles = np.unique(chosen, return_inverse=True)
    left, bottom, width, height = np.array(list(_PLACES.values()))[square[used]].T
    place = topology.uvs[used] - np.floor(topology.uvs[used])
    return place * np.column_stack([width, height]) + np.column_stack([left, bottom]), triangles.reshape(-1, 3)


def _uvs_of_vertices(topology: Topology, material: str) -> dict[int, list[int]]:
    """Vertex -> its rows of `uvs` in a material."""
    of_material = topology.material == material
    pairs = np.stack([topology.polygons[of_material], topology.polygon_uvs[of_material]], axis=-1).reshape(-1, 2)
    found: dict[int, list[int]] = {}
    for vertex, uv in np.unique(pairs[pairs[:, 0] >= 0], axis=0).tolist():
        found.setdefault(vertex, []).append(uv)
    return found


def _nearest(chart: dict[int, list[int]], vertex: int, positions: np.ndarray) -> list[int]:
    """Texture vertices of `vertex`, or of the vertex of the chart nearest to it."""
    if vertex in chart:
        return chart[vertex]
    candidates = np.array(list(chart))
    distance = np.linalg.norm(positions[candidates] - positions[vertex], axis=1)
    return chart[int(candidates[distance.argmin()])]
