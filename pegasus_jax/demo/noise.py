"""Reproducible noise for procedural textures: the same seed gives the same pattern on every machine."""

import numpy as np

_NUM_WAVES = 5
_TABLE_SIZE = 1024


def waves(points: np.ndarray, *, frequency: float, seed: int) -> np.ndarray:
    """Smooth variation over space: `points` (n, 3) -> (n,) float32 about N(0, 1/2), within [-2.3, 2.3].

    A sum of sine waves in random directions with wave numbers around `frequency` (radians per unit of length).
    """
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(_NUM_WAVES, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    wave_vector = direction * rng.uniform(0.6, 1.6, (_NUM_WAVES, 1)) * frequency
    phase = rng.uniform(0, 2 * np.pi, (_NUM_WAVES, 1))
    angle = wave_vector.astype(np.float32) @ points.astype(np.float32).T + phase.astype(np.float32)
    return np.sin(angle, out=angle).sum(axis=0) / np.float32(np.sqrt(_NUM_WAVES))


def strands(position: np.ndarray, *, seed: int) -> np.ndarray:
    """Value noise on a line: smooth, in [0, 1], with one independent value per unit of `position` (n,)."""
    table = np.random.default_rng(seed).uniform(size=_TABLE_SIZE).astype(np.float32)
    cell = np.floor(position).astype(np.int64)
    step = smoothstep(position - cell, 0.0, 1.0)
    left, right = table[cell % _TABLE_SIZE], table[(cell + 1) % _TABLE_SIZE]
    return left + (right - left) * step


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, a cubic with flat ends between; `low` > `high` runs the other way."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
