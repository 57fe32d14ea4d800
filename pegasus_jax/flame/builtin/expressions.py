"""The fifty expression components: the usual blend shapes (without an open jaw), drawn as soft strokes on the face.

A coefficient runs from 0 to 1. The table gives the left side; names ending in _R mirror those in _L.
"""

import dataclasses

import numpy as np

from pegasus_jax.flame.builtin import face_plan
from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue
from pegasus_jax.flame.builtin.eyelids import Eyelids
from pegasus_jax.flame.builtin.fields import lid_reach, outwards, smoothstep, unmirrored
from pegasus_jax.flame.builtin.skinning import jaw_share


@dataclasses.dataclass(frozen=True)
class Stroke:
    """Skin around a point of the face that moves, less and less up to `radius`."""

    at: tuple[float, float, float]  # mm, on the left side
    radius: float  # mm
    move: tuple[float, float, float]  # mm; x is outwards
    lip: str = "both"  # "upper" or "lower": only that side of the mouth's slit


_CORNER, _MID_UPPER, _MID_LOWER = (24.0, -40.0, 70.0), (0.0, -36.0, 85.0), (0.0, -45.0, 85.0)
_SIDE_UPPER, _SIDE_LOWER = (12.0, -37.0, 81.0), (12.0, -44.0, 81.0)
_INNER_BROW, _MIDDLE_BROW, _OUTER_BROW = (12.0, 49.0, 79.0), (30.0, 52.0, 75.0), (46.0, 50.0, 65.0)
_CHEEK, _NOSE_SIDE, _CHIN = (44.0, -8.0, 66.0), (14.0, -8.0, 82.0), (0.0, -68.0, 82.0)

_STROKES: dict[str, tuple[Stroke, ...]] = {
    "browDown": (Stroke(_INNER_BROW, 24, (-3, -6, 1)), Stroke(_MIDDLE_BROW, 24, (-1, -4, 0))),
    "browInnerUp": (Stroke(_INNER_BROW, 30, (0, 8, 0)),),
    "browOuterUp": (Stroke(_OUTER_BROW, 30, (0, 8, -1)), Stroke(_MIDDLE_BROW, 20, (0, 2, 0))),
    "cheekPuff": (Stroke((46.0, -34.0, 55.0), 42, (6, 0, 6)),),
    "cheekSquint": (Stroke(_CHEEK, 30, (1, 5, 2)),),
    "mouthClose": (
        Stroke(_MID_LOWER, 30, (0, 14, 3), "lower"),
        Stroke(_MID_UPPER, 26, (0, -4, 1), "upper"),
    ),
    "mouthDimple": (Stroke(_CORNER, 18, (4, 1, -4)),),
    "mouthFrown": (Stroke(_CORNER, 24, (1, -8, -1)),),
    "mouthFunnel": (
        Stroke(_CORNER, 24, (-8, 0, 5)),
        Stroke(_MID_UPPER, 24, (0, 3, 6), "upper"),
        Stroke(_MID_LOWER, 26, (0, -5, 6), "lower"),
    ),
    "mouthLowerDown": (
        Stroke(_SIDE_LOWER, 22, (1, -7, 0), "lower"),
        Stroke(_MID_LOWER, 14, (0, -2, 0), "lower"),
    ),
    "mouthPress": (
        Stroke(_SIDE_UPPER, 18, (0, -1.5, -1.5), "upper"),
        Stroke(_SIDE_LOWER, 18, (0, 1.5, -1.5), "lower"),
    ),
    "mouthPucker": (Stroke(_CORNER, 26, (-11, 0, 7)), Stroke((0.0, -40.0, 84.0), 24, (0, 0, 5))),
    "mouthRollLower": (Stroke(_MID_LOWER, 26, (0, 2, -5), "lower"),),
    "mouthRollUpper": (Stroke(_MID_UPPER, 24, (0, -2, -5), "upper"),),
    "mouthShrugLower": (Stroke(_CHIN, 30, (0, 4, 1)), Stroke(_MID_LOWER, 24, (0, 3, 3), "lower")),
    "mouthShrugUpper": (Stroke(_MID_UPPER, 26, (0, 3, 3), "upper"),),
    "mouthSmile": (
        Stroke(_CORNER, 24, (7, 7, -4)),
        Stroke((12.0, -40.0, 81.0), 16, (2, 0, -1)),
        Stroke(_CHEEK, 32, (2, 4, 3)),
    ),
    "mouthStretch": (Stroke(_CORNER, 26, (8, -3, -5)),),
    "mouthUpperUp": (
        Stroke(_SIDE_UPPER, 20, (1, 5, 0), "upper"),
        Stroke(_MID_UPPER, 14, (0, 2, 0), "upper"),
    ),
    "noseSneer": (
        Stroke(_NOSE_SIDE, 24, (2, 5, 2)),
        Stroke(_SIDE_UPPER, 20, (0, 2, 0), "upper"),
        Stroke(_INNER_BROW, 16, (-1, -2, 0)),
    ),
}
# How far the upper lid closes and the lower rises.
_LIDS: dict[str, tuple[float, float]] = {
    "eyeBlink": (1.0, 1.0),
    "eyeLookDown": (0.42, -0.5),
    "eyeLookUp": (-0.22, 0.4),
    "eyeSquint": (0.30, 3.5),
    "eyeWide": (-0.38, -0.6),
}
# Whole-mouth moves: both sides go the same way, in mm.
_SIDEWAYS = {"mouthLeft": 9.0, "mouthRight": -9.0}
_JAW = {"jawForward": (0.0, 0.0, 7.0), "jawLeft": (7.0, 0.0, 0.0), "jawRight": (-7.0, 0.0, 0.0)}
_GAZE = {"eyesLookLeft": 1.0, "eyesLookRight": -1.0}  # lids follow the eyeball a little
_ONE_SIDED = {
    "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookUp",
    "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile",
    "mouthStretch", "mouthUpperUp", "noseSneer",
}  # fmt: skip
_SPLIT_WIDTH = 6.0  # millimetres either side of the midline over which a one-sided component fades


def expression_components(anatomy: Anatomy) -> tuple[np.ndarray, tuple[str, ...]]:
    """(V, 3, 50) mm and the names of the components, in alphabetical order."""
    lids = Eyelids(anatomy)
    both_sides = {name: _draw(strokes, anatomy) for name, strokes in _STROKES.items()}
    both_sides |= {name: lids.displacement(*amounts) for name, amounts in _LIDS.items()}
    whole = {name: jaw_share(anatomy)[:, None] * np.array(move) for name, move in _JAW.items()}
    whole |= {name: _draw_sideways(amount, anatomy) for name, amount in _SIDEWAYS.items()}
    whole |= {name: _follow_gaze(amount, anatomy) for name, amount in _GAZE.items()}
    left = smoothstep(anatomy.positions[:, :1], -_SPLIT_WIDTH, _SPLIT_WIDTH)
    for name, field in both_sides.items():
        if name in _ONE_SIDED:
            whole |= {f"{name}_L": left * field, f"{name}_R": (1.0 - left) * field}
        else:
            whole[name] = field
    names = tuple(sorted(whole))
    return np.stack([whole[name] for name in names], axis=-1), names


def _movable(anatomy: Anatomy) -> np.ndarray:
    """1 where strokes act: not on eyeballs, ears and teeth, nor on the lids, which must stay on the eyeball."""
    soft = anatomy.of(Tissue.SKIN, Tissue.MOUTH_INSIDE)
    return soft * smoothstep(lid_reach(anatomy.positions), 0.55, 1.0)


def _draw(strokes: tuple[Stroke, ...], anatomy: Anatomy) -> np.ndarray:
    """The displacement (V, 3) of strokes on both sides."""
    points = anatomy.positions
    moved = np.zeros_like(points)
    for stroke in strokes:
        weight = _weight(stroke, unmirrored(points), anatomy)
        moved += weight[:, None] * np.array(stroke.move, np.float64)
    return moved * outwards(points)


def _weight(stroke: Stroke, points: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    distance = np.linalg.norm(points - stroke.at, axis=-1) / stroke.radius
    weight = np.clip(1.0 - distance**2, 0.0, None) ** 2 * _movable(anatomy)
    if stroke.lip != "both":
        sign = 1.0 if stroke.lip == "upper" else -1.0
        weight = weight * (0.5 + 0.5 * sign * anatomy.above)
    return weight


def _draw_sideways(amount: float, anatomy: Anatomy) -> np.ndarray:
    offset = (anatomy.positions - (0.0, face_plan.MOUTH_Y, 78.0)) / (42.0, 22.0, 32.0)
    weight = np.exp(-(offset**2).sum(-1)) * _movable(anatomy)
    return weight[:, None] * np.array([amount, 0.0, 0.0])


def _follow_gaze(amount: float, anatomy: Anatomy) -> np.ndarray:
    """The bulge of the cornea under the lids, moved sideways: skin slides by a millimetre."""
    lids = anatomy.of(Tissue.SKIN, Tissue.EYELID_INSIDE) * (1.0 - smoothstep(lid_reach(anatomy.positions), 0.5, 1.0))
    lids = lids * (np.abs(anatomy.positions[:, 0]) > 1e-6) * (anatomy.positions[:, 2] > 0)
    return lids[:, None] * np.array([amount, 0.0, 0.0])
