"""Where things are on a head, in the coordinates of its template.

A texture written in template coordinates sits at the same anatomical place on every face shape, and moves with the
skin when the face moves. Only the head's regions, joints and 68 landmarks are used, so any FLAME-layout head will do.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from scipy.spatial import cKDTree

from pegasus_jax.demo.noise import smoothstep
from pegasus_jax.flame.landmarks import embedded_points
from pegasus_jax.flame.model import HeadModel

# Rows of the 68 iBUG landmarks, the subject's right first; every polyline runs along the feature.
_BROWS = ([17, 18, 19, 20, 21], [22, 23, 24, 25, 26])
_UPPER_LIDS = ([36, 37, 38, 39], [42, 43, 44, 45])
_LOWER_LIDS = ([39, 40, 41, 36], [45, 46, 47, 42])
NOSE_TIP, CHIN, BETWEEN_EYES = 30, 8, 27

_RIGHT_EYE_JOINT, _LEFT_EYE_JOINT = 4, 3

# Head units over which a part's own shape, or a region's paint, fades into the face around it.
_SHAPE_FADE = {"nose": 0.05, "mouth": 0.06, "eyes": 0.03}
_PAINT_FADE = 0.012
_CRISP = ("eyeballs", "mouth_interior", "teeth")  # surfaces of their own that lie close to others


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """Landmarks and soft region weights on the template; V vertices, head units."""

    template: np.ndarray  # (V, 3) float32
    landmarks: np.ndarray  # (68, 3)
    brows: tuple[np.ndarray, ...]  # two polylines (5, 3)
    upper_lids: tuple[np.ndarray, ...]  # two polylines (4, 3)
    lower_lids: tuple[np.ndarray, ...]  # two polylines (4, 3)
    eyeball_centres: np.ndarray  # (2, 3)
    is_eyeball: np.ndarray  # (V,) bool
    shape_weights: dict[str, np.ndarray]  # part -> (V,) in [0, 1]: how far its geometry is the part's own
    paint_weights: dict[str, np.ndarray]  # region -> (V,) in [0, 1]
    skull: np.ndarray  # (V,) bool: skin of skull, forehead and temples, where the head is star-shaped

    @classmethod
    def of(cls, head: HeadModel) -> "Anatomy":
        """Measures a head model's template."""
        template = np.asarray(head.v_template, np.float32)
        landmarks = np.asarray(embedded_points(jnp.asarray(template), jnp.asarray(head.faces), head.lmk68))
        joints = np.asarray(head.J_regressor) @ template
        regions = _regions(head)
        return cls(
            template=template,
            landmarks=landmarks,
            brows=tuple(landmarks[rows] for rows in _BROWS),
            upper_lids=tuple(landmarks[rows] for rows in _UPPER_LIDS),
            lower_lids=tuple(landmarks[rows] for rows in _LOWER_LIDS),
            eyeball_centres=joints[[_RIGHT_EYE_JOINT, _LEFT_EYE_JOINT]],
            is_eyeball=regions["eyeballs"],
            shape_weights=_shape_weights(template, regions),
            paint_weights={name: _paint_weight(template, name, core) for name, core in regions.items()},
            skull=_skull(template, landmarks, regions),
        )


def _regions(head: HeadModel) -> dict[str, np.ndarray]:
    named = {name: np.asarray(mask, bool) for name, mask in head.regions.items()}
    nothing = np.zeros(head.num_vertices, bool)
    chosen = {name: named.get(name, nothing) for name in ("lips", "scalp", "ears", "nose", "neck")}
    chosen["eyeballs"] = named["left_eyeball"] | named["right_eyeball"]
    chosen["eyes"] = (named["left_eye_region"] | named["right_eye_region"]) & ~chosen["eyeballs"]
    chosen["mouth_interior"] = named.get("mouth_interior", nothing) & ~chosen["lips"]
    chosen["teeth"] = named.get("teeth", nothing)
    return chosen


def _shape_weights(template: np.ndarray, regions: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Eyeballs stay the wearer's: they turn about joints that belong to the wearer's shape."""
    cores = {"nose": regions["nose"], "mouth": regions["lips"], "eyes": regions["eyes"]}
    weights = {part: _fade(template, core, _SHAPE_FADE[part]) for part, core in cores.items()}
    for weight in weights.values():
        weight[regions["eyeballs"]] = 0.0
    # Where two parts overlap they share, so that wearing both never moves a vertex by more than one of them would.
    total = np.maximum(sum(weights.values()), 1.0)
    return {part: weight / total for part, weight in weights.items()}


def _skull(template: np.ndarray, landmarks: np.ndarray, regions: dict[str, np.ndarray]) -> np.ndarray:
    above_brows = template[:, 1] > landmarks[17:27, 1].max()
    return (regions["scalp"] | above_brows) & ~regions["ears"] & ~regions["eyeballs"]


def _paint_weight(template: np.ndarray, name: str, core: np.ndarray) -> np.ndarray:
    return core.astype(np.float32) if name in _CRISP else _fade(template, core, _PAINT_FADE)


def _fade(template: np.ndarray, core: np.ndarray, width: float) -> np.ndarray:
    """1 on the vertices of `core` (V,), falling smoothly to 0 at `width` from them."""
    if not core.any():
        return np.zeros(len(template), np.float32)
    distance, _ = cKDTree(template[core]).query(template)
    return smoothstep(distance, width, 0.0).astype(np.float32)
