"""Painting a face: the albedo of skin, lips, brows and eyes at points given in template coordinates.

Everything is evaluated per fragment, so edges stay as crisp as the picture is large.
"""

import dataclasses
import itertools

import numpy as np
from scipy.spatial import cKDTree

from pegasus_jax.demo.anatomy import CHIN, NOSE_TIP, Anatomy
from pegasus_jax.demo.noise import smoothstep, waves
from pegasus_jax.demo.people import Eyebrows, Eyes, Hair, Mouth, Skin, linear_rgb

_IRIS_RADIUS = 0.0262  # head units: 6.5 mm, slightly larger than life
_PUPIL_RADIUS = 0.0115
_BROW_WIDTH = 0.017  # half of it, at the inner end
_BROW_FLATTENING = 0.5  # landmark detectors draw brows more arched than they grow
_LASH_WIDTH = 0.0065
_FRECKLE_RADIUS = 0.0045
_SCLERA, _CANTHUS = linear_rgb("#efe9e4"), linear_rgb("#dba89a")
_GUM, _TOOTH = linear_rgb("#5a1f22"), linear_rgb("#ece4d4")


@dataclasses.dataclass(frozen=True)
class Face:
    """What is painted: the wearer's skin and whoever's parts."""

    skin: Skin
    eyes: Eyes
    eyebrows: Eyebrows
    mouth: Mouth
    hair: Hair  # its roots tint the scalp


@dataclasses.dataclass(frozen=True)
class Paint:
    """Linear albedo and what each fragment belongs to."""

    albedo: np.ndarray  # (n, 3) linear RGB in [0, 1]
    gloss: np.ndarray  # (n,) in [0, 1]: strength of the highlight
    parts: dict[str, np.ndarray]  # attribute -> (n,) bool


def paint(face: Face, anatomy: Anatomy, points: np.ndarray, weights: dict[str, np.ndarray]) -> Paint:
    """Colours fragments of the head.

    Args:
        face: what to paint.
        anatomy: of the head model.
        points: (n, 3) template coordinates.
        weights: region or `shape_<part>` -> (n,), interpolated from the anatomy.
    """
    skin = _skin(face.skin, anatomy, points, weights)
    colour = _lids(skin, face.eyes, anatomy, points)
    brow = _brow_cover(face.eyebrows, anatomy, points)
    colour = _mix(colour, linear_rgb(face.eyebrows.colour), 0.92 * brow)
    scalp = _scalp_cover(face.hair, points, weights["scalp"])
    colour = _mix(colour, linear_rgb(face.hair.colour), scalp)
    lips = smoothstep(weights["lips"], 0.55, 0.85)
    colour = _mix(colour, _lips(face.mouth, points, lips), lips * face.mouth.strength)
    interior = (weights["mouth_interior"] > 0.5) & (weights["lips"] < 0.7)
    colour[interior] = _GUM
    colour[weights["teeth"] > 0.5] = _TOOTH
    eyeball = weights["eyeballs"] > 0.5
    colour[eyeball] = _eyeball(face.eyes, anatomy, points[eyeball])
    parts = {
        "hair": scalp > 0.4,
        "eyebrows": brow > 0.35,
        "eyes": eyeball | (weights["shape_eyes"] > 0.1),
        "nose": weights["shape_nose"] > 0.1,
        "mouth": (weights["shape_mouth"] > 0.1) | interior,
    }
    return Paint(np.clip(colour, 0, 1), np.where(eyeball, 0.55, 0.06 + 0.12 * lips), parts)


def _skin(skin: Skin, anatomy: Anatomy, points: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    tone = linear_rgb(skin.tone)
    mottle = 1 + 0.05 * waves(points, frequency=18, seed=skin.seed) + 0.03 * waves(
        points, frequency=60, seed=skin.seed + 100
    )  # fmt: skip
    colour = tone * mottle[:, None]
    flushed = np.clip(tone * np.array([1.05, 0.62, 0.62]), 0, 1)
    colour = _mix(colour, flushed, skin.blush * _blush(anatomy, points, weights["ears"]))
    colour = _mix(colour, tone * np.array([0.52, 0.4, 0.36]), 0.75 * _freckles(skin, anatomy, points))
    return _mix(colour, tone * 0.3 + 0.01, skin.stubble * _beard(skin, anatomy, points, weights))


def _blush(anatomy: Anatomy, points: np.ndarray, ears: np.ndarray) -> np.ndarray:
    tip, right_cheek, left_cheek = _cheeks(anatomy)
    spots = [_spot(points, right_cheek, 0.075), _spot(points, left_cheek, 0.075), 0.7 * _spot(points, tip, 0.05)]
    return np.clip(sum(spots) + 0.6 * ears, 0, 1)


def _cheeks(anatomy: Anatomy) -> np.ndarray:
    """Nose tip, right cheek, left cheek (3, 3)."""
    tip = anatomy.landmarks[NOSE_TIP]
    drop = 1.15 * (tip[1] - anatomy.eyeball_centres[0, 1])
    cheeks = anatomy.eyeball_centres + np.array([0.0, drop, 0.04])
    cheeks[:, 0] *= 1.15
    return np.concatenate([tip[None], cheeks])


def _freckles(skin: Skin, anatomy: Anatomy, points: np.ndarray) -> np.ndarray:
    """Round spots around nose and cheeks, placed in the frontal plane."""
    cover = np.zeros(len(points), np.float32)
    if skin.freckles:
        rng = np.random.default_rng(skin.seed)
        home = _cheeks(anatomy)[rng.integers(0, 3, skin.freckles), :2]
        places = home + rng.normal(0, 0.06, (skin.freckles, 2))
        sizes = _FRECKLE_RADIUS * rng.uniform(0.6, 1.5, skin.freckles)
        front = np.flatnonzero(points[:, 2] > anatomy.eyeball_centres[0, 2] - 0.08)
        distance, nearest = cKDTree(places).query(points[front, :2])
        cover[front] = smoothstep(distance / sizes[nearest], 1.2, 0.6)
    return cover


def _beard(skin: Skin, anatomy: Anatomy, points: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Where a beard grows: below the nose and along the jaw, not on lips or neck."""
    nose, chin, ear = anatomy.landmarks[33, 1], anatomy.landmarks[CHIN, 1], anatomy.landmarks[0, 2]
    height = smoothstep(points[:, 1], nose, nose - 0.06) * smoothstep(points[:, 1], chin - 0.07, chin - 0.01)
    cover = height * smoothstep(points[:, 2], ear - 0.02, ear + 0.05)
    grown = np.flatnonzero(cover > 0)
    grain = 0.85 + 0.3 * waves(points[grown], frequency=300, seed=skin.seed + 200)
    cover[grown] *= grain * (1 - smoothstep(weights["lips"][grown], 0.2, 0.7))
    return np.clip(cover, 0, 1)


def _lids(colour: np.ndarray, eyes: Eyes, anatomy: Anatomy, points: np.ndarray) -> np.ndarray:
    lift = np.array([0.0, 0.012, 0.0])
    for upper, lower in zip(anatomy.upper_lids, anatomy.lower_lids):
        shadow = eyes.shadow_strength * _spot(points, upper.mean(axis=0) + lift, 0.042)
        colour = _mix(colour, linear_rgb(eyes.shadow), shadow)
        above = smoothstep(_distance(points, upper, reach=_LASH_WIDTH) / _LASH_WIDTH, 1.0, 0.3)
        below = smoothstep(_distance(points, lower, reach=_LASH_WIDTH) / _LASH_WIDTH, 0.7, 0.2)
        colour = _mix(colour, np.full(3, 0.012), eyes.lashes * np.maximum(above, 0.5 * below))
    return colour


def _brow_cover(brows: Eyebrows, anatomy: Anatomy, points: np.ndarray) -> np.ndarray:
    """Cover (n,) in [0, 1]: a band along the landmarks, thick at the inner end, with hairs across it."""
    cover = np.zeros(len(points), np.float32)
    arch = np.array([0.0, 0.7, 1.0, 0.6, 0.0])
    for brow in anatomy.brows:
        line = brow.copy()
        line[:, 1] += (brow[:, 1].mean() - brow[:, 1]) * _BROW_FLATTENING + brows.arch * arch
        distance = _distance(points, line, reach=2 * brows.thickness * _BROW_WIDTH)
        near = np.flatnonzero(np.isfinite(distance))
        outward = np.abs(points[near, 0]) / np.abs(line[:, 0]).max()
        width = brows.thickness * _BROW_WIDTH * smoothstep(outward, 1.25, 0.2)
        hairs = 1 + 0.15 * waves(points[near] * [1.0, 0.35, 0.5], frequency=260, seed=7)
        across = distance[near] / np.maximum(width * hairs, 1e-4)
        cover[near] = np.maximum(cover[near], smoothstep(across, 1.15, 0.65))
    return cover


def _scalp_cover(hair: Hair, points: np.ndarray, scalp: np.ndarray) -> np.ndarray:
    """Roots under the hair; a bald scalp keeps a faint shadow of them."""
    cover = scalp.copy()
    border = np.flatnonzero((scalp > 0.3) & (scalp < 0.99))
    cover[border] += 0.06 * waves(points[border], frequency=120, seed=hair.seed)
    return smoothstep(cover, 0.8, 1.0) * (0.10 if hair.style == "bald" else 0.9)


def _lips(mouth: Mouth, points: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Lip colour (n, 3) with fine vertical creases where `cover` (n,) is not 0."""
    shade = np.ones(len(points), np.float32)
    painted = np.flatnonzero(cover > 0)
    shade[painted] += 0.08 * waves(points[painted] * [1.0, 0.2, 0.2], frequency=220, seed=11)
    return linear_rgb(mouth.colour) * shade[:, None]


def _eyeball(eyes: Eyes, anatomy: Anatomy, points: np.ndarray) -> np.ndarray:
    """Sclera, iris with limbal ring and radial streaks, pupil. The pattern turns with the eyeball."""
    left = (points[:, 0] > 0).astype(int)
    ray = points - anatomy.eyeball_centres[left]
    radius = np.hypot(ray[:, 0], ray[:, 1]) + np.where(ray[:, 2] < 0, 1.0, 0.0)
    angle = np.arctan2(ray[:, 1], ray[:, 0])
    sclera = _mix(np.broadcast_to(_SCLERA, points.shape), _CANTHUS, 0.8 * smoothstep(radius, 0.034, 0.055))
    streaks = 1 + 0.22 * np.sin(13 * angle + 2 * np.sin(3 * angle)) + 0.12 * np.sin(31 * angle)
    iris = linear_rgb(eyes.iris) * (streaks * (1.15 - 0.3 * radius / _IRIS_RADIUS))[:, None]
    iris = _mix(iris, iris * 0.2, smoothstep(radius, 0.78 * _IRIS_RADIUS, _IRIS_RADIUS))
    iris = _mix(iris, np.full(3, 0.008), smoothstep(radius, _PUPIL_RADIUS * 1.12, _PUPIL_RADIUS * 0.92))
    return _mix(sclera, iris, smoothstep(radius, _IRIS_RADIUS * 1.05, _IRIS_RADIUS * 0.95))


def _spot(points: np.ndarray, centre: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blob (n,) of peak 1."""
    x, y, z = (points[:, k] - np.float32(centre[k]) for k in range(3))
    return np.exp((x * x + y * y + z * z) / np.float32(-2 * sigma**2))


def _distance(points: np.ndarray, line: np.ndarray, *, reach: float) -> np.ndarray:
    """Distance (n,) of points (n, 3) from a polyline (k, 3); inf for points out of `reach` of its box."""
    low, high = line.min(axis=0) - reach, line.max(axis=0) + reach
    inside = [(points[:, k] >= low[k]) & (points[:, k] <= high[k]) for k in range(3)]
    near = np.flatnonzero(inside[0] & inside[1] & inside[2])
    best = np.full(len(near), np.inf)
    for start, end in itertools.pairwise(line):
        along, offset = end - start, points[near] - start
        t = np.clip(offset @ along / (along @ along), 0, 1)
        best = np.minimum(best, np.linalg.norm(offset - t[:, None] * along, axis=-1))
    distance = np.full(len(points), np.inf, np.float32)
    distance[near] = best
    return distance


def _mix(colour: np.ndarray, other: np.ndarray, amount: np.ndarray) -> np.ndarray:
    return colour + (other - colour) * amount[:, None]
