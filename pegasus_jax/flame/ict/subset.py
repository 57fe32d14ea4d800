"""The kept part of ICT's mesh: the head above the shoulders, thinned, its cut smoothed."""

import numpy as np

from pegasus_jax.flame.ict.meshes import PRINTING_STEP
from pegasus_jax.flame.ict.table import PARTS, Table

_ROUNDING = 1.01 * PRINTING_STEP  # the difference of two printed numbers may be off by one step


def keep(table: Table, field: np.ndarray) -> np.ndarray:
    """A field on ICT's vertices (26719, *), such as positions, on the V kept ones (V, *).

    Near the neck's cut a vertex gets a weighted mean of its neighbours' values, so that the rim is an even line.
    """
    kept = field[table.source_vertex]
    smoothed = np.einsum("rk,rk...->r...", table.rim_weights, kept[table.rim_from])
    kept[table.rim_vertex] = smoothed
    return kept


def keep_offsets(table: Table, offsets: np.ndarray) -> np.ndarray:
    """`keep` for the difference of two meshes (26719, 3): what may be rounding alone is zero."""
    moved = np.abs(offsets).max(axis=1, keepdims=True) > _ROUNDING
    return keep(table, np.where(moved, offsets, 0.0))


def is_skin(table: Table) -> np.ndarray:
    """(V,) bool: face, scalp, ears and neck; not the sockets behind mouth and eyes."""
    return table.part <= PARTS.index("head_neck_skin")
