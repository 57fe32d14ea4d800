"""How the cast moves: turning, talking, smiling, looking around and blinking, smooth in time and seeded."""

import dataclasses
import re

import numpy as np

from pegasus_jax.demo.noise import smoothstep
from pegasus_jax.flame.model import (
    JAW_OPEN,
    LEFT_EYE,
    NECK,
    NUM_EXPRESSION,
    POSE_SIZE,
    RIGHT_EYE,
    HeadModel,
)

FRAMES_PER_SECOND = 25
_PERIOD = 2.8 * FRAMES_PER_SECOND  # frames of an ordinary movement
_NECK_REACH = np.array([0.20, 0.45, 0.13])  # radians of pitch, yaw, roll
_GAZE_REACH = np.array([0.10, 0.30, 0.0])
_JAW_REACH = 0.30
_SWAY = np.array([0.03, 0.02, 0.06])  # head units
_BLINK = np.array([0.35, 0.9, 1.0, 0.8, 0.45, 0.15])  # closing and opening, one value a frame
_BLINK_EVERY = 1.6 * FRAMES_PER_SECOND

# Movement -> how the names of its expression components begin, compared without case and punctuation.
_COMPONENTS = {
    "smile": ("smile", "mouthsmile"),
    "brow_raise": ("browraise", "browinnerup", "browouterup", "browup"),
    "brow_lower": ("browlower", "browdown", "browfurrow"),
    "pucker": ("pucker", "mouthpucker"),
    "blink": ("blink", "eyeblink"),
}
_STRENGTH = {"smile": 0.9, "brow_raise": 0.9, "brow_lower": 0.7, "pucker": 0.7}


@dataclasses.dataclass(frozen=True)
class Motion:
    """F frames of movement."""

    pose: np.ndarray  # (F, 15) float32, radians; the neck carries the head's rotation
    expression: np.ndarray  # (F, 50) float32
    translation: np.ndarray  # (F, 3) float32, head units: sway of the camera, about zero


def make_motion(head: HeadModel, *, num_frames: int, seed: int) -> Motion:
    """A clip's movement. It depends on nothing but the arguments, so that every look can perform it."""
    rng = np.random.default_rng(seed)
    pose = np.zeros((num_frames, POSE_SIZE), np.float32)
    pose[:, NECK] = _NECK_REACH * _wander(rng, num_frames, 3)
    pose[:, JAW_OPEN] = _JAW_REACH * _now_and_then(rng, num_frames, period=0.5 * _PERIOD)
    gaze = _GAZE_REACH * _wander(rng, num_frames, 3, period=0.6 * _PERIOD)
    pose[:, LEFT_EYE] = pose[:, RIGHT_EYE] = gaze
    expression = np.zeros((num_frames, NUM_EXPRESSION), np.float32)
    for movement, strength in _STRENGTH.items():
        curve = strength * _now_and_then(rng, num_frames, period=_PERIOD)
        expression[:, _components(head, movement)] += curve[:, None]
    expression[:, _components(head, "blink")] = _blinks(rng, num_frames)[:, None]
    sway = _SWAY * _wander(rng, num_frames, 3, period=1.5 * _PERIOD)
    return Motion(pose=pose, expression=expression, translation=sway.astype(np.float32))


def _components(head: HeadModel, movement: str) -> list[int]:
    """Expression components of a movement; none where the head's components have no names."""
    plain = [re.sub(r"[^a-z]", "", name.lower()) for name in head.expression_names]
    return [k for k, name in enumerate(plain) if name.startswith(_COMPONENTS[movement])]


def _wander(rng: np.random.Generator, num_frames: int, channels: int, *, period: float = _PERIOD) -> np.ndarray:
    """(F, channels) smooth signals in [-1, 1]: three sine waves each, of unrelated periods about `period`.

    Short clips move faster, so that they show the whole range too.
    """
    period = min(period, num_frames / 2)
    frames = np.arange(num_frames)[:, None, None]
    periods = period * rng.uniform(0.6, 1.7, (channels, 3))
    waves = np.sin(2 * np.pi * (frames / periods + rng.uniform(size=(channels, 3))))
    return waves @ np.array([0.5, 0.3, 0.2])


def _now_and_then(rng: np.random.Generator, num_frames: int, *, period: float) -> np.ndarray:
    """(F,) in [0, 1], at rest about half of the time."""
    return smoothstep(_wander(rng, num_frames, 1, period=period)[:, 0], -0.05, 0.75)


def _blinks(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """(F,) in [0, 1]: eyes closed, a few frames at a time, at irregular intervals."""
    closed = np.zeros(num_frames + len(_BLINK))
    every = min(_BLINK_EVERY, num_frames / 3)
    start = rng.uniform(0.2, 0.8) * every
    while start < num_frames:
        first = int(start)
        closed[first : first + len(_BLINK)] = _BLINK
        start += max(every * rng.uniform(0.6, 1.5), len(_BLINK))
    return closed[:num_frames]
