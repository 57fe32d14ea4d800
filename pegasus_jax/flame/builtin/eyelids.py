"""Eyelids sliding over the eyeball: every vertex turns about the eyeball's horizontal axis."""

import numpy as np

from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue
from pegasus_jax.flame.builtin.fields import eye_offset, lid_reach, smoothstep

_CLOSED_AT = 0.10  # where the lids meet, as a share of the opening's height from the lower edge
_LID_LENGTH = 0.5  # radians of skin above the upper edge, and below the lower, that take part


class Eyelids:
    """The opening of the eyes as angles on the eyeball; both sides alike."""

    def __init__(self, anatomy: Anatomy) -> None:
        offset = eye_offset(anatomy.positions)
        self._radius = np.hypot(offset[:, 1], offset[:, 2])
        self._angle = np.arctan2(offset[:, 1], offset[:, 2])
        self._upper_edge, self._lower_edge = self._edges(anatomy, offset[:, 0])
        lids = anatomy.of(Tissue.SKIN, Tissue.EYELID_INSIDE) & (offset[:, 2] > -5.0)
        self._free = lids * (1.0 - smoothstep(lid_reach(anatomy.positions), 0.72, 1.08))

    def displacement(self, upper: float, lower: float) -> np.ndarray:
        """(V, 3) mm when the upper lids close by `upper` and the lower rise by `lower` (1: until they meet)."""
        opening = self._upper_edge - self._lower_edge
        meeting = self._lower_edge + _CLOSED_AT * opening
        in_upper = self._angle > 0.5 * (self._upper_edge + self._lower_edge)
        from_edge = np.where(in_upper, self._angle - self._upper_edge, self._lower_edge - self._angle)
        taking_part = self._free * (1.0 - smoothstep(from_edge, 0.0, _LID_LENGTH))
        down, up = upper * (meeting - self._upper_edge), lower * (meeting - self._lower_edge)
        angle = self._angle + taking_part * np.where(in_upper, down, up)
        moved_y = self._radius * (np.sin(angle) - np.sin(self._angle))
        moved_z = self._radius * (np.cos(angle) - np.cos(self._angle))
        return np.stack([np.zeros_like(moved_y), moved_y, moved_z], axis=-1)

    def _edges(self, anatomy: Anatomy, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Angles (V,) of the upper and the lower edge straight above or below each vertex."""
        edge = np.flatnonzero((anatomy.eye_ring == 0) & (anatomy.side > 0))
        edge = edge[np.argsort(x[edge])]
        first, last = edge[0], edge[-1]
        corner_line = np.interp(x[edge], x[[first, last]], self._angle[[first, last]])
        upper = edge[self._angle[edge] >= corner_line - 1e-9]
        lower = edge[self._angle[edge] <= corner_line + 1e-9]
        return np.interp(x, x[upper], self._angle[upper]), np.interp(x, x[lower], self._angle[lower])
