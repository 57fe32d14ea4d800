"""The skin's topology: a planar Delaunay mesh of the unrolled left half, holes cut out, then mirrored."""

import dataclasses

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from pegasus_jax.flame.builtin import face_plan, skull

_UNROLL = 75.0  # millimetres of the plan per radian around the head
_FINE, _COARSE, _NOSE = 4.3, 9.0, 2.6  # spacing of vertices in the face, elsewhere, and at the nose
_NOSE_SHEAR = 0.02
_FACE_EDGE = 1.15  # radians from the front
_TOP_ARC = 14.0  # the first row below the crown; above it is a fan of triangles


@dataclasses.dataclass(frozen=True)
class Skin:
    """The skin before sculpting; V vertices."""

    positions: np.ndarray  # (V, 3) mm, on the bare head
    faces: np.ndarray  # (F, 3) counter-clockwise from outside
    plan: np.ndarray  # (V, 2) mm, unrolled: around the head, 0 in front, negative on the right; down from the crown
    mirror: np.ndarray  # (V,) int: the vertex on the other side
    eye_ring: np.ndarray  # (V,) int: loop number around an eye, -1 elsewhere
    mouth_ring: np.ndarray  # (V,) int: loop number around the mouth, -1 elsewhere
    above: np.ndarray  # (V,) 1 above the mouth's slit, -1 below; on its loops the sine of the angle around it


def build_skin() -> Skin:
    """The symmetric skin mesh, with holes at both eyes and the mouth and one at the neck's cut."""
    plan, eye_ring, mouth_ring = _plan_points()
    triangles = _triangulate(plan, eye_ring, mouth_ring)
    positions = skull.surface(plan[:, 0] / _UNROLL, skull.arc_to_rows(plan[:, 1]))
    positions[np.isin(plan[:, 0], (0.0, np.pi * _UNROLL)), 0] = 0.0
    positions, triangles = _add_crown(positions, triangles, plan)
    pad = (0, len(positions) - len(plan))
    eye_ring, mouth_ring = (np.pad(ring, pad, constant_values=-1) for ring in (eye_ring, mouth_ring))
    plan = np.pad(plan, (pad, (0, 0)))  # the crown is the plan's origin
    above = np.sign(positions[:, 1] - face_plan.MOUTH_Y)
    on_loop = mouth_ring >= 0
    above[on_loop] = np.tile(face_plan.mouth_above(), face_plan.NUM_MOUTH_LOOPS)
    labels = {"eye_ring": eye_ring, "mouth_ring": mouth_ring, "above": above}
    return _mirrored(positions, triangles, plan, labels)


def _to_plan(xy: np.ndarray) -> np.ndarray:
    phi, t = skull.locate(xy)
    return np.stack([phi * _UNROLL, skull.rows_to_arc(t)], axis=-1)


def _plan_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All points of the half plan (N, 2), with their eye and mouth loop numbers."""
    eyes = [_to_plan(face_plan.eye_loop(k)) for k in range(face_plan.NUM_EYE_LOOPS)]
    mouths = [_to_plan(face_plan.mouth_loop(k)) for k in range(face_plan.NUM_MOUTH_LOOPS)]
    loops = np.concatenate(eyes + mouths)
    eye_ring = np.repeat(np.arange(len(eyes)), face_plan.EYE_SAMPLES)
    mouth_ring = np.repeat(np.arange(len(mouths)), face_plan.MOUTH_SAMPLES)
    grid = _grid_points()
    free = ~(_inside(grid, eyes[-1]) | _inside(grid, mouths[-1]))
    free &= cKDTree(loops).query(grid)[0] > 0.62 * _spacing(grid)
    grid = grid[free]
    none = np.full(len(grid), -1)
    return (
        np.concatenate([loops, grid]),
        np.concatenate([eye_ring, np.full(len(mouth_ring), -1), none]),
        np.concatenate([np.full(len(eye_ring), -1), mouth_ring, none]),
    )


def _spacing(plan: np.ndarray) -> np.ndarray:
    """The wanted distance between vertices at points (N, 2) of the plan."""
    arc = plan[:, 1]
    top, chin = skull.rows_to_arc(np.array([skull.BROW_ROW - 1.6, skull.CHIN_ROW + 2.0]))
    nose_top, nose_end = skull.rows_to_arc(np.array([skull.BROW_ROW + 0.8, skull.NOSE_ROW + 0.5]))
    face = (plan[:, 0] < _FACE_EDGE * _UNROLL) & (arc > top) & (arc < chin)
    nose = (plan[:, 0] < 19.0) & (arc > nose_top) & (arc < nose_end)
    return np.where(nose, _NOSE, np.where(face, _FINE, _COARSE))


def _grid_points() -> np.ndarray:
    """Staggered rows of each spacing, kept where that spacing is wanted."""
    width, height = np.pi * _UNROLL, float(skull.rows_to_arc(np.array(skull.LAST_ROW)))
    kept = []
    for spacing in (_NOSE, _FINE, _COARSE):
        rows = np.linspace(_TOP_ARC, height, round((height - _TOP_ARC) / (spacing * 0.9)) + 1)
        for number, arc in enumerate(rows):
            crowded = min(1.0, 0.3 + arc / 90.0)  # rows near the crown are short
            columns = np.linspace(0, width, max(8, round(width * crowded / spacing)) + 1)
            # Columns that nearly align keep the ridge of the nose smooth; exact squares would leave it to rounding
            # which diagonal splits them.
            if spacing == _NOSE:
                columns[1:-1] += _NOSE_SHEAR * arc
            elif number % 2 and number < len(rows) - 1:
                columns = np.concatenate([[0.0], (columns[1:] + columns[:-1]) / 2, [width]])
            row = np.stack([columns, np.full(len(columns), arc)], axis=-1)
            kept.append(row[_spacing(row) == spacing])
    return np.concatenate(kept)


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which points (N, 2) lie in the polygon (M, 2): even-odd rule."""
    x, y = points[:, :1], points[:, 1:]
    (x0, y0), (x1, y1) = polygon.T, np.roll(polygon, -1, axis=0).T
    crosses = (y0 > y) != (y1 > y)
    where = x0 + (y - y0) / np.where(y1 == y0, 1e-12, y1 - y0) * (x1 - x0)
    return (crosses & (x < where)).sum(axis=1) % 2 == 1


def _triangulate(plan: np.ndarray, eye_ring: np.ndarray, mouth_ring: np.ndarray) -> np.ndarray:
    triangles = Delaunay(plan).simplices
    a, b, c = (plan[triangles[:, i]] for i in range(3))
    doubled = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    # The plan's second axis runs down, so that outside faces turn clockwise in it.
    triangles = np.where((doubled > 0)[:, None], triangles[:, ::-1], triangles)
    hole = (eye_ring[triangles] == 0).all(axis=1) | (mouth_ring[triangles] == 0).all(axis=1)
    return triangles[~hole & (np.abs(doubled) > 1e-6)]


def _add_crown(positions: np.ndarray, triangles: np.ndarray, plan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closes the hole at the top by one vertex and a fan."""
    top = np.flatnonzero(plan[:, 1] <= _TOP_ARC + 1e-9)
    top = top[np.argsort(plan[top, 0])]
    crown = len(positions)
    fan = np.stack([np.full(len(top) - 1, crown), top[:-1], top[1:]], axis=-1)
    apex = skull.surface(np.zeros(1), np.zeros(1))
    return np.concatenate([positions, apex]), np.concatenate([triangles, fan])


def _mirrored(positions: np.ndarray, triangles: np.ndarray, plan: np.ndarray, labels: dict[str, np.ndarray]) -> Skin:
    """Both halves as one mesh; vertices on the midline are shared, `labels` (V,) are the same on both sides."""
    count = len(positions)
    off_midline = positions[:, 0] > 1e-9
    partner = np.arange(count)
    partner[off_midline] = count + np.arange(off_midline.sum())
    flipped = positions[off_midline] * np.array([-1.0, 1.0, 1.0])
    return Skin(
        positions=np.concatenate([positions, flipped]),
        faces=np.concatenate([triangles, partner[triangles][:, ::-1]]),
        plan=np.concatenate([plan, plan[off_midline] * np.array([-1.0, 1.0])]),
        mirror=np.concatenate([partner, np.flatnonzero(off_midline)]),
        **{name: np.concatenate([label, label[off_midline]]) for name, label in labels.items()},
    )
