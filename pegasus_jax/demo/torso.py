"""Shoulders: a garment around the neck that stands still while the head turns (the ghost bone's part)."""

import functools

import numpy as np

from pegasus_jax.demo.anatomy import Anatomy
from pegasus_jax.demo.noise import smoothstep
from pegasus_jax.demo.people import linear_rgb
from pegasus_jax.demo.piece import Piece
from pegasus_jax.demo.skull import direction, grid_faces

_NUM_AZIMUTHS = 96
# Rings from the collar down: drop below the collar, widening across and in depth; head units.
_PROFILE = np.array(
    [
        (-0.03, 0.012, 0.012),
        (0.0, 0.03, 0.03),
        (0.04, 0.06, 0.045),
        (0.08, 0.16, 0.07),
        (0.12, 0.30, 0.10),
        (0.17, 0.42, 0.13),
        (0.24, 0.50, 0.15),
        (0.40, 0.56, 0.17),
        (0.80, 0.58, 0.19),
        (1.40, 0.60, 0.20),
    ]
)


def build(colour: str, anatomy: Anatomy, rest: np.ndarray) -> Piece:
    """A torso for the neck of a head at rest, `rest` (V, 3)."""
    neck = rest[anatomy.paint_weights["neck"] > 0.99]
    low, high = neck[:, 1].min(), neck[:, 1].max()
    collar = low + 0.35 * (high - low)
    around = neck[neck[:, 1] < collar]
    half = np.abs(around[:, 0]).max()
    middle = (around[:, 2].max() + around[:, 2].min()) / 2
    depth = (around[:, 2].max() - around[:, 2].min()) / 2
    azimuth = np.linspace(-np.pi, np.pi, _NUM_AZIMUTHS, endpoint=False)
    out = direction(azimuth, np.full_like(azimuth, np.pi / 2))[:, None]
    points = out * np.stack([half + _PROFILE[:, 1], np.zeros(len(_PROFILE)), depth + _PROFILE[:, 2]], axis=-1)
    points += [0.0, collar, middle]
    points[..., 1] -= _PROFILE[:, 0]
    rings, steps = points.shape[:2]
    return Piece(
        vertices=points.reshape(-1, 3).astype(np.float32),
        faces=grid_faces(rings, steps),
        pattern=points.reshape(-1, 3).astype(np.float32) - np.array([0, collar, middle], np.float32),
        albedo=functools.partial(_cloth, colour),
        gloss=0.0,
    )


def _cloth(colour: str, position: np.ndarray) -> np.ndarray:
    """Plain cloth with a lighter collar and a placket, so that the still part has edges to compare."""
    collar = smoothstep(position[:, 1], -0.035, -0.025)
    placket = smoothstep(np.abs(position[:, 0]), 0.03, 0.022) * (position[:, 2] > 0)
    tone = 1 + 0.8 * collar - 0.3 * placket
    return np.clip(linear_rgb(colour) * tone[:, None], 0, 1)
