"""All parts of the built-in head in one mesh, with labels that say what each vertex is."""

import dataclasses
import enum
import functools

import numpy as np

from pegasus_jax.flame.builtin import face_plan, features, parts
from pegasus_jax.flame.builtin.skin_mesh import Skin, build_skin

_MIRROR = np.array([-1.0, 1.0, 1.0])


class Tissue(enum.IntEnum):
    """What a vertex belongs to."""

    SKIN = 0
    EYELID_INSIDE = 1
    MOUTH_INSIDE = 2
    EYEBALL = 3
    EAR = 4
    UPPER_TEETH = 5
    LOWER_TEETH = 6


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The neutral head; V vertices, millimetres."""

    positions: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3) int32
    tissue: np.ndarray  # (V,) `Tissue`
    side: np.ndarray  # (V,) 1: left, -1: right, 0: on the midline; eyeballs and lids by whose they are
    above: np.ndarray  # (V,) 1: above the mouth's slit, -1: below, 0: at its corners, smooth along the lips
    eye_ring: np.ndarray  # (V,) loop around an eye, -1 elsewhere
    mouth_ring: np.ndarray  # (V,) loop around the mouth, -1 elsewhere
    skin_plan: np.ndarray  # (S, 2) mm: the skin unrolled, as `Skin.plan`
    skin_mirror: np.ndarray  # (S,) the S skin vertices come first: the one on the other side

    def of(self, *tissues: Tissue) -> np.ndarray:
        """Which vertices (V,) bool are of these tissues."""
        return np.isin(self.tissue, tissues)


@functools.cache
def build_anatomy() -> Anatomy:
    """The neutral head with all its parts."""
    skin = build_skin()
    positions = features.sculpt(skin)
    pieces = [_Piece(positions, skin.faces, Tissue.SKIN, skin.above)]
    pieces += _pockets(skin, positions)
    for mirrored in (False, True):
        pieces.append(_separate(pieces, parts.eyeball(), Tissue.EYEBALL, mirrored=mirrored))
        pieces.append(_separate(pieces, parts.ear(), Tissue.EAR, mirrored=mirrored))
    pieces.append(_separate(pieces, parts.teeth(upper=True), Tissue.UPPER_TEETH))
    pieces.append(_separate(pieces, parts.teeth(upper=False), Tissue.LOWER_TEETH))
    return _joined(skin, pieces)


@dataclasses.dataclass(frozen=True)
class _Piece:
    positions: np.ndarray
    faces: np.ndarray  # numbered in the whole mesh
    tissue: Tissue
    above: np.ndarray


def _joined(skin: Skin, pieces: list[_Piece]) -> Anatomy:
    positions = np.concatenate([piece.positions for piece in pieces])
    tissue = np.concatenate([np.full(len(piece.positions), piece.tissue) for piece in pieces])
    pad = (0, len(positions) - len(skin.positions))
    return Anatomy(
        positions=positions,
        faces=np.concatenate([piece.faces for piece in pieces]).astype(np.int32),
        tissue=tissue,
        side=np.where(np.abs(positions[:, 0]) < 1e-6, 0, np.sign(positions[:, 0])),
        above=np.concatenate([piece.above for piece in pieces]),
        eye_ring=np.pad(skin.eye_ring, pad, constant_values=-1),
        mouth_ring=np.pad(skin.mouth_ring, pad, constant_values=-1),
        skin_plan=skin.plan,
        skin_mirror=skin.mirror,
    )


def _pockets(skin: Skin, positions: np.ndarray) -> list[_Piece]:
    """The inner sides of the eyelids and of the lips."""
    pieces: list[_Piece] = []
    first = len(positions)
    for loop in boundary_loops(skin.faces):
        rim = positions[loop]
        if (skin.mouth_ring[loop] == 0).all():
            points, faces = parts.mouth_pocket(rim, skin.above[loop], first, loop)
            labels = np.concatenate([np.tile(skin.above[loop], len(points) // len(loop)), [0.0]])
            pieces.append(_Piece(points, faces, Tissue.MOUTH_INSIDE, labels))
        elif (skin.eye_ring[loop] == 0).all():
            centre = face_plan.EYE_CENTRE * np.array([np.sign(rim[0, 0]), 1.0, 1.0])
            points, faces = parts.eye_pocket(rim, first, loop, centre)
            pieces.append(_Piece(points, faces, Tissue.EYELID_INSIDE, np.ones(len(points))))
        else:
            continue  # the neck's cut stays open
        first += len(points)
    return pieces


def _separate(pieces: list[_Piece], mesh: parts.Mesh, tissue: Tissue, *, mirrored: bool = False) -> _Piece:
    """A closed part of its own, perhaps on the right side."""
    positions, faces = mesh
    if mirrored:
        positions, faces = positions * _MIRROR, faces[:, ::-1]
    first = sum(len(piece.positions) for piece in pieces)
    label = -1.0 if tissue is Tissue.LOWER_TEETH else 1.0
    return _Piece(positions, faces + first, tissue, np.full(len(positions), label))


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Vertex loops along the edges that only one triangle has, each in that triangle's direction."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = set(map(tuple, directed.tolist()))
    follows = {a: b for a, b in edges if (b, a) not in edges}
    loops = []
    while follows:
        start, here = follows.popitem()
        loop = [start]
        while here != start:
            loop.append(here)
            here = follows.pop(here)
        loops.append(np.array(loop))
    return sorted(loops, key=lambda loop: int(loop.min()))
