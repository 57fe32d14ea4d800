"""Points of the source for where the target's attribute used to be. Supplement B, eqs. 2-4."""

import numpy as np
import scipy.spatial

from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.points.fusion.compose import height
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.flame.back_of_head import back_of_head

_SHARE = 2000 / 174_000  # of the source's points that are near to a vertex: the paper's k of its number of points
_SKIN = 0.1  # head units from the head model within which a point may be skin: 25 mm, as ears differ
VISIBLE = 0.5  # opacity
_CHUNK = 256  # vertices looked up at once: 2000 neighbours of each take 8 MB
_GAP = 1.0  # spacings of the target's points from which on there is room for another


def candidates(space: HeadSpace, points: CanonicalPoints, free: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Source points (N,) bool that are `free` (N,) and near to head vertices `lost` (V,) that the target has bared.

    The back of the head is left out: nothing of a face is there to lend its colour. So is what stands off the head,
    hair that the cue has missed, and what the look has faded out.
    """
    bare = np.flatnonzero(lost & ~back_of_head(space.head))
    found = np.zeros(len(free), bool)
    if len(bare):
        tree = scipy.spatial.cKDTree(np.asarray(points.x_fc))
        count = max(1, round(_SHARE * len(free)))
        for some in np.array_split(bare, -(-len(bare) // _CHUNK)):
            _, near = tree.query(np.asarray(space.vertices_fc)[some], k=count)
            found[near.ravel()] = True
    visible = ~np.asarray(points.inner) & (np.asarray(points.opacity) > VISIBLE)
    return found & free & visible & (height(space, points) < _SKIN)


def lost_vertices(target: CanonicalPoints, removed: np.ndarray, num_vertices: int) -> np.ndarray:
    """Head vertices (V,) bool that are nearest to a removed point (M,) of the target."""
    lost = np.zeros(num_vertices, bool)
    lost[np.asarray(target.nearest)[removed]] = True
    return lost


def with_room(filler: np.ndarray, source_d: np.ndarray, kept_d: np.ndarray) -> np.ndarray:
    """The filler (N,) bool at source_d (N, 3) that no kept point of the target (M, 3) stands beside already.

    A second skin over the target's own would show in its face.
    """
    if not filler.any() or len(kept_d) < 2:
        return filler
    tree = scipy.spatial.cKDTree(kept_d)
    distance, _ = tree.query(source_d[filler])
    room = filler.copy()
    room[filler] = distance > _GAP * spacing(tree)
    return room


def spacing(tree: scipy.spatial.cKDTree) -> float:
    """Median distance of points to their nearest neighbour, head units."""
    distance, _ = tree.query(tree.data, k=2)
    return float(np.median(distance[:, 1]))
