"""The outer shape of a head seen from inside the skull: what hair and hats are built on.

Polar coordinates about the skull's centre: azimuth 0 looks along +z (out of the face) and grows towards the
subject's left, the polar angle is 0 at the crown. Radians, head units.
"""

import dataclasses

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from pegasus_jax.demo.anatomy import BETWEEN_EYES, Anatomy

NUM_AZIMUTHS = 144
_NEIGHBOURS = 8
_HAIRLINE_WINDOW = np.deg2rad(9.0)
_HAIRLINE_MARGIN = 0.05  # radians past the last scalp vertex, so that no painted root shows below the hair
_STEPS = 181


@dataclasses.dataclass(frozen=True)
class Skull:
    """A star-shaped description of one head at rest."""

    centre: np.ndarray  # (3,)
    azimuth: np.ndarray  # (A,): the grid that all pieces share
    hairline: np.ndarray  # (A,): polar angle where hair ends
    ear_reach: float  # largest |x| of the ears
    _directions: cKDTree
    _radii: np.ndarray

    @classmethod
    def of(cls, anatomy: Anatomy, rest: np.ndarray) -> "Skull":
        """Measures the wearer's own head: `rest` (V, 3) are its vertices at rest."""
        skin = rest[anatomy.skull]
        depth = (skin[:, 2].min() + skin[:, 2].max()) / 2
        centre = np.array([0.0, anatomy.landmarks[BETWEEN_EYES, 1], depth], np.float32)
        rays = skin - centre
        radii = np.linalg.norm(rays, axis=-1)
        azimuth = np.linspace(-np.pi, np.pi, NUM_AZIMUTHS, endpoint=False).astype(np.float32)
        scalp = rest[anatomy.paint_weights["scalp"] > 0.99] - centre
        ears = rest[anatomy.paint_weights["ears"] > 0.99]
        return cls(
            centre=centre,
            azimuth=azimuth,
            hairline=_hairline(scalp, azimuth),
            ear_reach=float(np.abs(ears[:, 0]).max()) if len(ears) else float(np.abs(skin[:, 0]).max()),
            _directions=cKDTree(rays / radii[:, None]),
            _radii=radii,
        )

    def radius(self, directions: np.ndarray) -> np.ndarray:
        """Distance of the skin from the centre along unit `directions` (*, 3)."""
        distance, row = self._directions.query(directions, k=_NEIGHBOURS)
        weight = 1 / (distance + 1e-3) ** 2
        return ((weight * self._radii[row]).sum(-1) / weight.sum(-1)).astype(np.float32)

    def shell(self, polar: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Points (A, S, 3) at `offset` (A, S) above the skin, on the shared azimuths at angles `polar` (A, S)."""
        directions = direction(self.azimuth[:, None], polar)
        return self.centre + directions * (self.radius(directions) + offset)[..., None]

    def plane_limit(self, front: float, back: float) -> np.ndarray:
        """(A,) polar angles where the skin passes below a plane of height `front` at the face, `back` behind."""
        polar = np.broadcast_to(np.linspace(0.1, 2.4, _STEPS), (len(self.azimuth), _STEPS))
        points = self.shell(polar, np.zeros_like(polar))
        depth = points[..., 2]
        near, far = depth.max(), depth.min()
        below = points[..., 1] < back + (front - back) * (depth - far) / (near - far)
        first = np.where(below.any(axis=1), below.argmax(axis=1), _STEPS - 1)
        limit = np.take_along_axis(polar, first[:, None], axis=1)[:, 0]
        return gaussian_filter1d(limit, 1.5, mode="wrap")


def direction(azimuth: np.ndarray, polar: np.ndarray) -> np.ndarray:
    """Unit vectors (*, 3)."""
    azimuth, polar = np.broadcast_arrays(azimuth, polar)
    across = np.sin(polar)
    return np.stack([across * np.sin(azimuth), np.cos(polar), across * np.cos(azimuth)], axis=-1)


def grid_faces(num_rings: int, num_steps: int) -> np.ndarray:
    """Triangles of an (num_rings, num_steps) vertex grid that closes in its first axis, outside faces first."""
    ring, step = np.meshgrid(np.arange(num_rings), np.arange(num_steps - 1), indexing="ij")
    a = ring * num_steps + step
    b = (ring + 1) % num_rings * num_steps + step
    quads = np.stack([a, a + 1, b + 1, b], axis=-1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _hairline(scalp: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """The lowest scalp vertex in a window around every azimuth."""
    around = np.arctan2(scalp[:, 0], scalp[:, 2])
    polar = np.arctan2(np.hypot(scalp[:, 0], scalp[:, 2]), scalp[:, 1])
    apart = np.abs((around - azimuth[:, None] + np.pi) % (2 * np.pi) - np.pi)
    lowest = np.where(apart < _HAIRLINE_WINDOW, polar, 0.0).max(axis=1)
    return gaussian_filter1d(lowest, 2.0, mode="wrap") + _HAIRLINE_MARGIN
