"""Hats, built on the skull of whoever wears them."""

import functools
from collections.abc import Callable

import numpy as np

from pegasus_jax.demo.anatomy import Anatomy
from pegasus_jax.demo.noise import smoothstep
from pegasus_jax.demo.people import Hat, linear_rgb
from pegasus_jax.demo.piece import Piece
from pegasus_jax.demo.skull import Skull, direction, grid_faces

_ABOVE_BROWS = 0.05  # head units
_BACK_DROP = 0.16  # how much lower a hat sits behind than in front


def rim(anatomy: Anatomy, skull: Skull) -> np.ndarray:
    """(A,) polar angles of a hat's lower edge on one head: above the brows, lower behind."""
    front = float(max(line[:, 1].max() for line in anatomy.brows)) + _ABOVE_BROWS
    return skull.plane_limit(front, front - _BACK_DROP)


def build(hat: Hat, anatomy: Anatomy, skull: Skull) -> Piece:
    """The hat on one head."""
    vertices, height = STYLES[hat.style](skull, rim(anatomy, skull))
    rings, steps = vertices.shape[:2]
    turn = np.broadcast_to(skull.azimuth[:, None], (rings, steps))
    pattern = np.stack([np.sin(turn), np.cos(turn), np.broadcast_to(height, (rings, steps))], axis=-1)
    return Piece(
        vertices=vertices.reshape(-1, 3).astype(np.float32),
        faces=grid_faces(rings, steps),
        pattern=pattern.reshape(-1, 3).astype(np.float32),
        albedo=functools.partial(_PAINTS[hat.style], hat),
        gloss=0.02,
    )


def _beanie(skull: Skull, rim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A knitted cap with a turned-up cuff. Height: 1 is the lower edge."""
    along = np.concatenate([np.linspace(0, 0.74, 26), np.linspace(0.76, 1.0, 14)])
    polar = rim[:, None] * along
    slouch = 0.05 * smoothstep(polar, 0.9, 0.0)
    cuff = 0.028 * smoothstep(along, 0.74, 0.77) * smoothstep(along, 1.0, 0.97)
    ribs = 0.004 * np.sin(44 * skull.azimuth)[:, None] * smoothstep(along, 0.1, 0.4)
    offset = 0.05 + slouch + cuff + ribs
    shell = skull.shell(polar, offset)
    inner = skull.shell(rim[:, None] * 1.0, np.full((len(rim), 1), 0.0))
    return np.concatenate([shell, inner], axis=1), np.append(along, 1.0)


def _beanie_paint(hat: Hat, pattern: np.ndarray) -> np.ndarray:
    turn, height = np.arctan2(pattern[:, 0], pattern[:, 1]), pattern[:, 2]
    knit = 0.86 + 0.14 * np.sin(44 * turn) + 0.06 * np.sin(140 * height)
    stripe = smoothstep(np.abs(height - 0.5), 0.07, 0.055)
    cuff = smoothstep(height, 0.74, 0.755)
    base, band = linear_rgb(hat.colour), linear_rgb(hat.band)
    colour = base + (band - base) * np.maximum(stripe, cuff)[:, None]
    return np.clip(colour * knit[:, None], 0, 1)


def _brimmed(skull: Skull, rim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A felt hat: dented top, upright crown, wide brim. Height: 0..1 the crown, 1..2 the brim."""
    edge = skull.shell(rim[:, None], np.full((len(rim), 1), 0.035))[:, 0]
    out = direction(skull.azimuth, np.full_like(skull.azimuth, np.pi / 2))
    axis = edge.mean(axis=0) * [0, 1, 1]
    reach = np.linalg.norm((edge - axis) * [1, 0, 1], axis=-1)
    summit = skull.shell(np.full((len(rim), 1), 0.02), np.zeros((len(rim), 1)))[:, 0, 1].max() + 0.09
    # Columns: share of the crown's reach, height between edge (0) and summit (1), extra reach of the brim.
    profile = np.array(
        [(0.0, 0.88, 0), (0.3, 0.9, 0), (0.55, 0.97, 0), (0.7, 1.0, 0), (0.8, 0.98, 0), (0.87, 0.9, 0)]
        + [(0.87 + 0.13 * (1 - h), h, 0) for h in np.linspace(0.8, 0.0, 12)]
        + [(1.0, 0.0, b) for b in (0.04, 0.09, 0.14, 0.19, 0.235, 0.24)]
    )
    radius = reach[:, None] * profile[:, 0] + profile[:, 2]
    points = axis + out[:, None] * radius[..., None]
    curl = 0.35 * profile[:, 2] * (np.cos(2 * skull.azimuth[:, None]) * -0.5 + 0.1)
    points[..., 1] = edge[:, None, 1] + (summit - edge[:, None, 1]) * profile[:, 1] + curl
    height = np.concatenate([np.linspace(0, 1, 18), 1 + np.linspace(0.1, 1, 6)])
    return points, height


def _brimmed_paint(hat: Hat, pattern: np.ndarray) -> np.ndarray:
    turn, height = np.arctan2(pattern[:, 0], pattern[:, 1]), pattern[:, 2]
    band = smoothstep(height, 0.76, 0.78) * smoothstep(height, 1.03, 1.01)
    felt = 0.95 + 0.05 * np.sin(5 * turn + 9 * height)
    base = linear_rgb(hat.colour)
    colour = base + (linear_rgb(hat.band) - base) * band[:, None]
    return np.clip(colour * felt[:, None], 0, 1)


Style = Callable[[Skull, np.ndarray], tuple[np.ndarray, np.ndarray]]
STYLES: dict[str, Style] = {"beanie": _beanie, "brimmed": _brimmed}
_PAINTS: dict[str, Callable[[Hat, np.ndarray], np.ndarray]] = {
    "beanie": _beanie_paint,
    "brimmed": _brimmed_paint,
}
