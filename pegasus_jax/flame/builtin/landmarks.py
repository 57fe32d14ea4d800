"""Landmarks of the built-in head: iBUG's 68, and the points of MediaPipe's face mesh that they correspond to."""

import numpy as np

from pegasus_jax.flame.builtin import face_plan
from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue
from pegasus_jax.flame.frontal import front_triangle
from pegasus_jax.flame.model import Embedding

# MediaPipe's index of each of the 68; the contour slides with the view.
MEDIAPIPE_INDICES = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178,
)  # fmt: skip
NUM_CONTOUR = 17

# Left half of the jaw line from the ear to the chin, mm.
_JAW_LINE = np.array(
    [
        (75, 28, 0), (73, 8, 2), (70, -12, 6), (66, -31, 10), (58, -50, 22),
        (46, -64, 40), (31, -75, 56), (16, -80, 68), (0, -81, 73),
    ],
    np.float64,
)  # fmt: skip
# Left half, in the frontal plane: brow from the nose outwards; bridge downwards; nostrils from the middle outwards.
_BROW = np.array([(12, 50), (23, 55), (34, 57), (45, 54), (54, 47)], np.float64)
_BRIDGE = np.array([(0, 31), (0, 19), (0, 7), (0, -7)], np.float64)
_NOSE_BASE = np.array([(0, -21), (6.5, -20), (12.5, -17.5)], np.float64)
# Samples along the loops of the plan: eye from the outer corner counter-clockwise, mouth from the top downwards.
_EYE_SAMPLES = {"outer": 0, "upper_outer": 5, "upper_inner": 11, "inner": 16, "lower_inner": 21, "lower_outer": 27}
_EYE_ORDER = ("outer", "upper_outer", "upper_inner", "inner", "lower_inner", "lower_outer")
_OUTER_LIP_SAMPLES = [0, 2, 5, 8, 11, 14, 16]
_INNER_LIP_SAMPLES = [0, 4, 8, 12, 16]
_CORNER_SAMPLE = 8
_FLIP = np.array([-1.0, 1.0])


def landmarks68(anatomy: Anatomy) -> Embedding:
    """The 68 landmarks, contour first, from the subject's right to left."""
    corners = anatomy.positions[anatomy.faces]
    triangles = np.flatnonzero(anatomy.of(Tissue.SKIN)[anatomy.faces].all(axis=1))
    placed = [_at_vertex(anatomy, vertex) for vertex in _jaw_vertices(anatomy)]
    middle = [*(_BROW[::-1] * _FLIP), *_BROW, *_BRIDGE, *(_NOSE_BASE[:0:-1] * _FLIP), *_NOSE_BASE]
    placed += [front_triangle(corners[triangles], triangles, xy) for xy in middle]
    placed += [_at_vertex(anatomy, vertex) for vertex in (*_eye_vertices(anatomy), *_lip_vertices(anatomy))]
    faces_idx, bary = zip(*placed)
    return Embedding(np.array(faces_idx, np.int32), np.array(bary, np.float32))


def mediapipe_points(lmk68: Embedding) -> tuple[Embedding, tuple[int, ...], tuple[bool, ...]]:
    """(points, MediaPipe's indices, which slide with the view) of the mesh points that the 68 stand for."""
    sliding = tuple(k < NUM_CONTOUR for k in range(len(MEDIAPIPE_INDICES)))
    return Embedding(lmk68.faces_idx, lmk68.bary), MEDIAPIPE_INDICES, sliding


def _at_vertex(anatomy: Anatomy, vertex: int) -> tuple[int, np.ndarray]:
    face = int(np.flatnonzero((anatomy.faces == vertex).any(axis=1))[0])
    return face, (anatomy.faces[face] == vertex).astype(np.float64)


def _nearest(anatomy: Anatomy, candidates: np.ndarray, place: np.ndarray) -> int:
    distance = np.linalg.norm(anatomy.positions[candidates] - place, axis=-1)
    return int(candidates[distance.argmin()])


def _jaw_vertices(anatomy: Anatomy) -> list[int]:
    skin = np.flatnonzero(anatomy.of(Tissue.SKIN))
    right = _JAW_LINE * np.array([-1.0, 1.0, 1.0])
    return [_nearest(anatomy, skin, place) for place in (*right, *_JAW_LINE[-2::-1])]


def _loop(anatomy: Anatomy, ring: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of loop `number` on the left, in the order of the plan, and their partners on the right."""
    left = np.flatnonzero((ring == number) & (anatomy.side >= 0))
    return left, anatomy.skin_mirror[left]


def _eye_vertices(anatomy: Anatomy) -> list[int]:
    left, right = _loop(anatomy, anatomy.eye_ring, 0)
    outer_first = [right[_EYE_SAMPLES[name]] for name in _EYE_ORDER]
    inner_first = [left[_EYE_SAMPLES[name]] for name in (*_EYE_ORDER[3::-1], *_EYE_ORDER[:3:-1])]
    return [int(vertex) for vertex in outer_first + inner_first]


def _lip_vertices(anatomy: Anatomy) -> list[int]:
    """12 points around the outer border, then 8 around the slit, each from the right corner over the top."""
    vertices: list[int] = []
    for number, samples in ((face_plan.VERMILION_LOOP, _OUTER_LIP_SAMPLES), (0, _INNER_LIP_SAMPLES)):
        left, right = _loop(anatomy, anatomy.mouth_ring, number)
        corner = samples.index(_CORNER_SAMPLE)
        over_top = [*right[samples[corner::-1]], *left[samples[1 : corner + 1]]]
        below = [*left[samples[corner + 1 :]], *right[samples[-2:corner:-1]]]
        vertices += [int(vertex) for vertex in over_top + below]
    return vertices
