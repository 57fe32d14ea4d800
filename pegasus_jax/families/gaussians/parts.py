"""Parts of a head as Gaussians see them: how densely each is covered, and how far its Gaussians may wander."""

import numpy as np

from pegasus_jax.flame.model import HeadModel

# What a Gaussian belongs to.
SKIN, FACE, FEATURE, SCALP, EYEBALL, MOUTH, TEETH, SHELL = range(8)
INSIDE = (EYEBALL, MOUTH, TEETH)  # whose neighbours are of other colours

_EYEBALLS = ("left_eyeball", "right_eyeball")
_FEATURES = ("lips", "left_eye_region", "right_eye_region", "eye_regions")
_SCALP = ("scalp", "back_of_head")

# Gaussians per area, relative; where regions overlap, the later one prevails.
_DENSITIES = {
    "back_of_head": 0.5,
    "scalp": 1.0,
    "neck": 1.0,
    "ears": 1.5,
    "face": 2.0,
    "nose": 2.5,
    "eyebrows": 4.0,
    "left_eyebrow": 4.0,
    "right_eyebrow": 4.0,
    "eye_regions": 7.0,
    "left_eye_region": 7.0,
    "right_eye_region": 7.0,
    "mouth": 3.0,
    "mouth_interior": 1.2,
    "lips": 6.0,
    "left_eyeball": 12.0,
    "right_eyeball": 12.0,
}
_ELSEWHERE = 0.7

# Head units: one standard deviation of a Gaussian's way from where it is bound. Hair stands off the scalp by
# centimetres, lids and lips off the mesh by little, eyeballs by almost nothing.
_FREEDOMS = {
    SKIN: 0.02,
    FACE: 0.012,
    FEATURE: 0.006,
    SCALP: 0.06,
    EYEBALL: 0.003,
    MOUTH: 0.008,
    TEETH: 0.008,
    SHELL: 0.06,
}


def vertex_densities(head: HeadModel) -> np.ndarray:
    """Returns how densely Gaussians cover the surface around each vertex (V,), relative to a scalp's."""
    densities = np.full(head.num_vertices, _ELSEWHERE)
    for name, density in _DENSITIES.items():
        densities[_mask(head, name)] = density
    return densities


def triangle_parts(head: HeadModel) -> np.ndarray:
    """Returns the part (F,) int32 of each triangle; what the head model does not name is `SKIN`."""
    faces = np.asarray(head.faces)
    eyeball = any_region(head, _EYEBALLS)[faces].all(axis=1)
    mouth = _mask(head, "mouth_interior")[faces].all(axis=1)
    face = _mask(head, "face")[faces].any(axis=1)
    parts = np.full(len(faces), SKIN, np.int32)
    parts[any_region(head, _SCALP)[faces].any(axis=1)] = SCALP
    parts[face] = FACE
    parts[any_region(head, _FEATURES)[faces].any(axis=1)] = FEATURE
    parts[mouth] = MOUTH
    parts[mouth & _mask(head, "teeth")[faces].all(axis=1)] = TEETH
    parts[eyeball] = EYEBALL
    return parts


def freedoms(parts: np.ndarray) -> np.ndarray:
    """Returns how far Gaussians of some parts (N,) may wander, (N,) head units."""
    return np.array([_FREEDOMS[part] for part in range(len(_FREEDOMS))], np.float32)[parts]


def any_region(head: HeadModel, names: tuple[str, ...]) -> np.ndarray:
    """Returns which vertices (V,) bool lie in any of the regions; a region that the head does not name is empty."""
    return np.logical_or.reduce([_mask(head, name) for name in names])


def _mask(head: HeadModel, name: str) -> np.ndarray:
    return np.asarray(head.regions.get(name, np.zeros(head.num_vertices, bool)))
