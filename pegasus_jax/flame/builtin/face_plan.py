"""Where the openings of the face are, in the frontal plane (x, y): closed curves around the left eye and the mouth.

Loop 0 is the edge of the opening; later loops go outwards, and the mesh has vertices on each of them.
"""

import numpy as np

EYE_CENTRE = np.array([31.0, 30.0, 49.0])  # of the left eyeball
EYEBALL_RADIUS = 15.0
LID_RADIUS = 16.3  # the lids slide on this sphere
MOUTH_Y = -40.0
MOUTH_HALF_WIDTH = 24.0
SLIT = 1.6  # how far loop 0 of the mouth is opened in the plane, half, so that it can be cut; closed later

# Half sizes of each loop: towards the nose, away from it, up, down.
_EYE_LOOPS = np.array(
    [
        (13.0, 13.5, 5.6, 4.6),
        (13.8, 14.6, 7.0, 5.8),
        (14.8, 16.0, 8.8, 7.4),
        (16.2, 18.2, 11.2, 9.8),
        (18.0, 21.5, 14.2, 13.0),
    ]
)
# Half width, up, down.
_MOUTH_LOOPS = np.array(
    [
        (24.0, SLIT, SLIT),
        (25.0, 3.2, 3.4),
        (26.0, 5.2, 5.8),
        (27.2, 7.4, 8.6),
        (29.0, 9.8, 11.6),
        (32.0, 13.0, 15.0),
        (36.5, 16.5, 19.0),
    ]
)
NUM_EYE_LOOPS = len(_EYE_LOOPS)
NUM_MOUTH_LOOPS = len(_MOUTH_LOOPS)
VERMILION_LOOP = 3  # the border of the red of the lips
EYE_SAMPLES = 32
MOUTH_SAMPLES = 17  # on the left half of one loop, midline to midline


def eye_loop(k: int) -> np.ndarray:
    """Loop `k` around the left eye, (EYE_SAMPLES, 2), counter-clockwise from the outer corner."""
    inner, outer, up, down = _EYE_LOOPS[k]
    angle = 2 * np.pi * np.arange(EYE_SAMPLES) / EYE_SAMPLES
    x = np.where(np.cos(angle) > 0, outer, inner) * np.cos(angle)
    pointed = 1 - 0.18 * np.cos(angle) ** 2 * np.exp(-k)  # corners of the opening are sharper than an ellipse's
    y = np.where(np.sin(angle) > 0, up, down) * np.sin(angle) * pointed
    tilt = 0.06 * x  # the outer corner is a little higher
    return EYE_CENTRE[:2] + np.stack([x, y + tilt * (x > 0)], axis=-1)


def _mouth_angles() -> np.ndarray:
    return np.linspace(np.pi / 2, -np.pi / 2, MOUTH_SAMPLES)


def mouth_above() -> np.ndarray:
    """(MOUTH_SAMPLES,) from 1 at the top over 0 at the corner to -1 at the bottom of every loop."""
    return np.sin(_mouth_angles())


def mouth_loop(k: int) -> np.ndarray:
    """The left half of loop `k` around the mouth, (MOUTH_SAMPLES, 2), from the top over the corner down."""
    width, up, down = _MOUTH_LOOPS[k]
    angle = _mouth_angles()
    x = width * np.cos(angle)
    bow = 1 + 0.10 * np.exp(-(((x - 6.0) / 4.0) ** 2)) * (k == VERMILION_LOOP)  # cupid's bow
    y = np.where(angle > 0, up * bow, down) * np.sin(angle)
    x[[0, -1]] = 0.0
    return np.stack([x, MOUTH_Y + y], axis=-1)
