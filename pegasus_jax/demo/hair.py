"""Hairstyles, built on the skull of whoever wears them."""

import functools
from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from pegasus_jax.demo.noise import smoothstep, strands
from pegasus_jax.demo.people import Hair, linear_rgb
from pegasus_jax.demo.piece import Piece
from pegasus_jax.demo.skull import Skull, direction, grid_faces

_ROOT_DEPTH = -0.035  # head units: the hairline dips below the skin, so that no gap shows
_UNDER_HAT = 0.012  # how thick hair may be under a hat
_STRANDS_PER_TURN = 110
_CURL_RADIUS = 0.2  # radians on the unit sphere
_NUM_CURLS = 330


def build(hair: Hair, skull: Skull, *, pressed_above: np.ndarray | None = None) -> Piece | None:
    """The hair on one head, or None for a bald one.

    Args:
        hair: style, colour and seed.
        skull: of the wearer.
        pressed_above: (A,) polar angles above which a hat presses it down.
    """
    vertices = STYLES[hair.style](skull, hair, pressed_above)
    if vertices is None:
        return None
    rings, steps = vertices.shape[:2]
    turn = np.broadcast_to((skull.azimuth[:, None] + np.pi) / (2 * np.pi), (rings, steps))
    along = np.broadcast_to(np.linspace(0, 1, steps), (rings, steps))
    # Sine and cosine, not the angle: interpolation across the seam behind the head stays right.
    pattern = np.stack([np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn), along], axis=-1)
    return Piece(
        vertices=vertices.reshape(-1, 3).astype(np.float32),
        faces=grid_faces(rings, steps),
        pattern=pattern.reshape(-1, 3).astype(np.float32),
        albedo=functools.partial(_strand_colour, hair),
        gloss=0.12,
    )


def _strand_colour(hair: Hair, pattern: np.ndarray) -> np.ndarray:
    turn = np.arctan2(pattern[:, 0], pattern[:, 1]) / (2 * np.pi) + 0.5
    along = pattern[:, 2]
    wave = turn + 0.006 * np.sin(9 * along + 40 * turn)
    fine = strands(wave * _STRANDS_PER_TURN, seed=hair.seed)
    coarse = strands(wave * _STRANDS_PER_TURN / 4, seed=hair.seed + 1)
    sheen = 0.5 * np.exp(-(((along - 0.33) / 0.1) ** 2))
    tone = (0.55 + 0.55 * fine + 0.35 * coarse) * (1 + sheen) * (1.05 - 0.25 * along)
    return np.clip(linear_rgb(hair.colour) * tone[:, None], 0, 1)


def _short(skull: Skull, hair: Hair, pressed_above: np.ndarray | None) -> np.ndarray:
    """Close at the sides, fuller on top, brushed up at the front."""
    along = np.linspace(0, 1, 40)
    polar = _ragged(skull.hairline, skull, hair, 0.02)[:, None] * along
    front = _window(skull.azimuth, 0.0, 0.9)[:, None]
    top = smoothstep(polar, 1.5, 0.5)
    tuft = strands((skull.azimuth[:, None] / (2 * np.pi) + 0.5) * 26 + along, seed=hair.seed + 2)
    lift = front * _bump(along, 0.72, 0.2) * (0.035 + 0.02 * tuft)
    offset = (0.025 + 0.03 * top + lift + 0.012 * (tuft - 0.5)) * _taper(along)
    return skull.shell(polar, _settle(offset, along, polar, pressed_above))


def _curly(skull: Skull, hair: Hair, pressed_above: np.ndarray | None) -> np.ndarray:
    """A cloud of curls, each a bump around a point scattered over the sphere."""
    along = np.linspace(0, 1, 72)
    low = skull.hairline + 0.12 * (1 - _window(skull.azimuth, 0.0, 1.0))
    polar = _ragged(low, skull, hair, 0.04)[:, None] * along
    rng = np.random.default_rng(hair.seed)
    golden = np.pi * (3 - np.sqrt(5))
    heights = np.linspace(1, -1, _NUM_CURLS)
    curls = direction(golden * np.arange(_NUM_CURLS), np.arccos(heights)) + rng.normal(0, 0.03, (_NUM_CURLS, 3))
    distance, _ = cKDTree(curls).query(direction(skull.azimuth[:, None], polar))
    curl = np.sqrt(np.clip(1 - (distance / _CURL_RADIUS) ** 2, 0, 1))
    back = (1 - _window(skull.azimuth, 0.0, 1.3))[:, None]
    volume = 0.07 + 0.05 * smoothstep(polar, 0.2, 1.2) * back
    offset = (volume + 0.075 * curl) * _taper(along, start=0.92)
    return skull.shell(polar, _settle(offset, along, polar, pressed_above))


def _falling(skull: Skull, hair: Hair, pressed_above: np.ndarray | None, *, length: float, flare: float) -> np.ndarray:
    """Hair with a centre parting that falls past the ears; `length` and `flare` in head units."""
    falls = 1 - _window(skull.azimuth, 0.0, 1.12, edge=0.3)  # 0 at the forehead, 1 from the temples back
    crown = np.linspace(0, 1, 40)
    rim = np.where(falls > 0, np.minimum(skull.hairline, 1.66), skull.hairline)
    polar = _ragged(rim, skull, hair, 0.01)[:, None] * crown
    parting = 1 - 0.5 * np.exp(-((skull.azimuth / 0.12) ** 2))[:, None] * smoothstep(polar, 0.1, 0.4)
    side = smoothstep(polar, 0.4, 1.5)
    clear_of_ears = skull.ear_reach - skull.radius(np.array([1.0, 0.0, 0.0])) + 0.02
    full = 0.045 * parting + (clear_of_ears - 0.045) * side * falls[:, None]
    offset = full * (1 - (1 - falls[:, None]) * (1 - _taper(crown)))
    offset = np.where(falls[:, None] > 0, offset, _settle(offset, crown, polar, None))
    top = skull.shell(polar, _press(offset, polar, pressed_above))
    return np.concatenate([top, _fall(skull, hair, top[:, -1], falls, length=length, flare=flare)], axis=1)


def _fall(skull: Skull, hair: Hair, rim: np.ndarray, falls: np.ndarray, *, length: float, flare: float) -> np.ndarray:
    """The part below the rim (A, 3): straight down, swelling by `flare`, turned in at the ends."""
    down = np.linspace(0, 1, 30)[1:]
    lock = strands((skull.azimuth / (2 * np.pi) + 0.5) * 34, seed=hair.seed + 3)
    reach = length * falls * (0.9 + 0.14 * lock)
    out = direction(skull.azimuth, np.full_like(skull.azimuth, np.pi / 2))
    swell = flare * np.sin(np.pi * 0.8 * down) - 0.05 * smoothstep(down, 0.75, 1.0)
    wave = 0.012 * (lock[:, None] - 0.5) * down
    points = rim[:, None] + out[:, None] * (falls[:, None] * (swell + wave))[..., None]
    points[..., 1] -= reach[:, None] * down
    return points


def _settle(offset: np.ndarray, along: np.ndarray, polar: np.ndarray, pressed_above: np.ndarray | None) -> np.ndarray:
    """Presses under a hat and sinks the end into the skin."""
    sunk = offset + _ROOT_DEPTH * smoothstep(along, 0.9, 1.0)
    return _press(sunk, polar, pressed_above)


def _press(offset: np.ndarray, polar: np.ndarray, pressed_above: np.ndarray | None) -> np.ndarray:
    if pressed_above is None:
        return offset
    free = smoothstep(polar - pressed_above[:, None], -0.02, 0.25)
    return np.minimum(offset, _UNDER_HAT + (offset - _UNDER_HAT) * free)


def _taper(along: np.ndarray, *, start: float = 0.78) -> np.ndarray:
    return smoothstep(along, 1.0, start)


def _bump(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-(((x - centre) / width) ** 2))


def _window(azimuth: np.ndarray, centre: float, half_width: float, *, edge: float = 0.5) -> np.ndarray:
    """1 around an azimuth, 0 beyond `half_width`."""
    return smoothstep(np.abs(azimuth - centre), half_width, half_width - edge)


def _ragged(hairline: np.ndarray, skull: Skull, hair: Hair, amount: float) -> np.ndarray:
    turn = skull.azimuth / (2 * np.pi) + 0.5
    return hairline + amount * (2 * strands(turn * 36, seed=hair.seed + 4) - 1)


def _bald(skull: Skull, hair: Hair, pressed_above: np.ndarray | None) -> None:
    return None


Style = Callable[[Skull, Hair, np.ndarray | None], np.ndarray | None]
STYLES: dict[str, Style] = {
    "short": _short,
    "curly": _curly,
    "long": functools.partial(_falling, length=0.72, flare=0.05),
    "bob": functools.partial(_falling, length=0.36, flare=0.06),
    "bald": _bald,
}
