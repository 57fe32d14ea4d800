"""The hundred shape components: first anatomical ones with names, then smooth random fields of falling size.

A coefficient of 1 is one standard deviation. Every field moves the neighbourhood of an eyeball rigidly,
so that eyeballs stay spheres and the lids stay on them; only `eye_size` scales both together.
"""

from collections.abc import Callable

import numpy as np

from pegasus_jax.flame.builtin import face_plan
from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue
from pegasus_jax.flame.builtin.fields import bump, eye_offset, outwards, smoothstep, unmirrored
from pegasus_jax.flame.model import NUM_BETAS

_SEED = 20240617
_RIGID_RADIUS, _FREE_RADIUS = 17.5, 30.0  # millimetres from the centre of an eyeball
_FIRST_AMPLITUDE, _LAST_AMPLITUDE = 1.3, 0.15  # rms millimetres of the random fields
_WAVES = 4
_ONLY_ON = {"ear_size": (Tissue.EAR,), "lip_fullness": (Tissue.SKIN,)}

Field = Callable[[np.ndarray], np.ndarray]  # points (V, 3) -> displacements (V, 3)


def shape_components(anatomy: Anatomy) -> tuple[np.ndarray, tuple[str, ...]]:
    """(V, 3, 100) mm and the names of the components, in order."""
    fields = _head_fields() | _nose_fields() | _face_fields()
    named = {name: _rigid_at_eyes(field, anatomy) for name, field in fields.items()}
    for name, tissues in _ONLY_ON.items():
        named[name] *= anatomy.of(*tissues)[:, None]
    named["eye_size"] = _eye_size(anatomy.positions)
    rng = np.random.default_rng(_SEED)
    count = NUM_BETAS - len(named)
    amplitudes = np.geomspace(_FIRST_AMPLITUDE, _LAST_AMPLITUDE, count)
    random = [
        _rigid_at_eyes(_random_field(rng, amplitude, symmetric=k % 4 != 3), anatomy)
        for k, amplitude in enumerate(amplitudes)
    ]
    names = (*named, *(f"random_{k:02d}" for k in range(count)))
    return np.stack([*named.values(), *random], axis=-1), names


def _along(axis: int, amount: np.ndarray) -> np.ndarray:
    return np.eye(3)[axis] * amount[:, None]


def _head_fields() -> dict[str, Field]:
    ear_root = np.array([72.0, 6.0, -13.0])

    def jaw_width(p: np.ndarray) -> np.ndarray:
        level = np.exp(-(((p[:, 1] + 52.0) / 26.0) ** 2)) * smoothstep(p[:, 2], -60.0, 0.0)
        return _along(0, 4.2 * p[:, 0] / 55.0 * level)

    def ear_size(p: np.ndarray) -> np.ndarray:
        left = unmirrored(p) - ear_root
        return 0.13 * left * outwards(p)

    def chin_length(p: np.ndarray) -> np.ndarray:
        return _along(1, -5.0 * smoothstep(-p[:, 1], 36.0, 80.0) * smoothstep(p[:, 2], 5.0, 55.0))

    above_neck = 70.0, 100.0
    return {
        "face_width": lambda p: _along(0, 0.05 * p[:, 0] * (1.0 - smoothstep(-p[:, 1], *above_neck))),
        "jaw_width": jaw_width,
        "chin_length": chin_length,
        "head_height": lambda p: _along(1, 0.05 * np.clip(p[:, 1] - 40.0, 0.0, None)),
        "head_depth": lambda p: _along(2, 0.05 * np.clip(p[:, 2] + 10.0, None, 0.0)),
        "forehead": lambda p: _along(2, 5.0 * bump(p, (0.0, 95.0, 60.0), (60.0, 30.0, 45.0))),
        "ear_size": ear_size,
        "neck_width": lambda p: p * (0.09, 0, 0) * smoothstep(-p[:, 1], 70.0, 110.0)[:, None],
    }


def _nose_fields() -> dict[str, Field]:
    def tip(p: np.ndarray) -> np.ndarray:
        return bump(p, (0.0, -12.0, 95.0), (15.0, 14.0, 25.0))

    return {
        "nose_length": lambda p: _along(1, -3.2 * tip(p)),
        "nose_width": lambda p: _along(0, 0.24 * p[:, 0] * bump(p, (0.0, -8.0, 88.0), (20.0, 20.0, 25.0))),
        "nose_bridge": lambda p: _along(2, 3.0 * bump(p, (0.0, 20.0, 85.0), (9.0, 14.0, 30.0))),
        "nose_tip": lambda p: np.array([0.0, 1.2, 3.5]) * tip(p)[:, None],
    }


def _face_fields() -> dict[str, Field]:
    mouth = (0.0, face_plan.MOUTH_Y, 82.0)

    def lips(p: np.ndarray) -> np.ndarray:
        near = bump(p, mouth, (26.0, 9.0, 12.0))
        return np.stack([0.0 * near, 0.22 * (p[:, 1] - mouth[1]) * near, 2.0 * near], axis=-1)

    def cheeks(p: np.ndarray) -> np.ndarray:
        left = unmirrored(p)
        full = bump(left, (52.0, -18.0, 45.0), (22.0, 28.0, 30.0))
        return np.array([3.0, 0.0, 3.0]) * full[:, None] * outwards(p)

    def eye_spacing(p: np.ndarray) -> np.ndarray:
        near = 1.0 - smoothstep(np.linalg.norm(eye_offset(p), axis=-1), _RIGID_RADIUS, 40.0)
        return _along(0, 1.8 * np.sign(p[:, 0]) * near)

    def brow_depth(p: np.ndarray) -> np.ndarray:
        return _along(2, 3.2 * bump(unmirrored(p), (24.0, 49.0, 76.0), (26.0, 9.0, 25.0)))

    return {
        "brow_depth": brow_depth,
        "lip_fullness": lips,
        "mouth_width": lambda p: _along(0, 0.11 * p[:, 0] * bump(p, mouth, (40.0, 18.0, 30.0))),
        "cheeks": cheeks,
        "eye_spacing": eye_spacing,
    }


def _eye_size(points: np.ndarray) -> np.ndarray:
    offset = eye_offset(points)
    near = 1.0 - smoothstep(np.linalg.norm(offset, axis=-1), _RIGID_RADIUS, _FREE_RADIUS)
    return 0.05 * near[:, None] * offset * outwards(points)


def _random_field(rng: np.random.Generator, amplitude: float, *, symmetric: bool) -> Field:
    """A few long waves in every direction; a symmetric one moves both sides alike."""
    directions = rng.normal(size=(_WAVES, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    waves = directions * (2 * np.pi / rng.uniform(110.0, 320.0, (_WAVES, 1)))
    phases = rng.uniform(0, 2 * np.pi, _WAVES)
    moves = rng.normal(size=(_WAVES, 3)) * amplitude * np.sqrt(2.0 / (3.0 * _WAVES))

    def field(p: np.ndarray) -> np.ndarray:
        if not symmetric:
            return np.cos(p @ waves.T + phases) @ moves
        mirror = np.array([-1.0, 1.0, 1.0])
        both = np.cos(p @ waves.T + phases) @ moves + mirror * (np.cos((p * mirror) @ waves.T + phases) @ moves)
        return both * np.sqrt(0.5)

    return field


def _rigid_at_eyes(field: Field, anatomy: Anatomy) -> np.ndarray:
    """The field on all vertices (V, 3), equal to its value at the eyeball's centre in the eye's neighbourhood."""
    points = anatomy.positions
    moved = field(points)
    for side in (1.0, -1.0):
        centre = face_plan.EYE_CENTRE * np.array([side, 1.0, 1.0])
        at_centre = field(centre[None])
        distance = np.linalg.norm(points - centre, axis=-1)
        near = 1.0 - smoothstep(distance, _RIGID_RADIUS, _FREE_RADIUS)[:, None]
        moved = moved + near * (at_centre - moved)
    return moved
