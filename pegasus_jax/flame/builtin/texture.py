"""The built-in head laid out in the unit square: its skin as it was planned, unrolled, and a small chart for each part.

Every chart is one-to-one: the skin was triangulated in the plane, spheres are seen from their pole, pockets are rings
within rings, rows of teeth are strips.
"""

import numpy as np

from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue, boundary_loops
from pegasus_jax.flame.builtin.parts import SECTORS, TEETH_SECTION
from pegasus_jax.flame.model import TextureLayout

_SKIN = (0.01, 0.25, 0.98, 0.74)  # left, bottom, width, height
_CELL, _BOTTOM, _SIDE = 0.11, 0.04, 0.1  # the other charts stand in a row below it
_DIGITS = 6


def texture_layout(anatomy: Anatomy) -> TextureLayout:
    """Returns the layout; the skin is cut along the back of the head, its front in the middle."""
    places = np.full((*anatomy.faces.shape, 2), np.nan)  # of each triangle's corners
    kind = anatomy.tissue[anatomy.faces].max(axis=1)
    skin = kind == Tissue.SKIN
    places[skin] = _skin(anatomy, anatomy.faces[skin])
    for number, (rows, chart) in enumerate(_charts(anatomy, kind)):
        places[rows] = _upright(chart) * _SIDE + np.array([0.01 + number * _CELL, _BOTTOM])
    vertices, triangles = np.unique(places.reshape(-1, 2).round(_DIGITS), axis=0, return_inverse=True)
    return TextureLayout(vertices.astype(np.float32), triangles.reshape(-1, 3).astype(np.int32))


def _upright(chart: np.ndarray) -> np.ndarray:
    """The chart (n, 3, 2), mirrored if its triangles would be seen from behind."""
    (a, b), (c, d) = (np.moveaxis(chart[:, corner] - chart[:, 0], 1, 0) for corner in (1, 2))
    return chart if np.sum(a * d - b * c) > 0 else chart * np.array([-1.0, 1.0]) + np.array([1.0, 0.0])


def _skin(anatomy: Anatomy, faces: np.ndarray) -> np.ndarray:
    """(n, 3, 2) within the square's upper part."""
    plan = anatomy.skin_plan[faces]  # (n, 3, 2)
    around, down = plan[..., 0], plan[..., 1]
    half, height = np.abs(anatomy.skin_plan[:, 0]).max(), anatomy.skin_plan[:, 1].max()
    at_back = np.abs(around) > half - 1e-6  # both halves share the vertices of the cut
    side = np.sign(np.where(at_back, 0.0, around).sum(axis=1, keepdims=True))
    around = np.where(at_back, side * half, around)
    is_crown = down == 0.0  # one point, as wide as the first row below it: each triangle has its own
    between = np.where(is_crown, 0.0, around).sum(axis=1, keepdims=True) / 2.0
    around = np.where(is_crown, between, around)
    left, bottom, width, tall = _SKIN
    u, v = 0.5 + 0.5 * around / half, 1.0 - down / height
    return np.stack([left + width * u, bottom + tall * v], axis=-1)


def _charts(anatomy: Anatomy, kind: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each part: its triangles, and (n, 3, 2) places of their corners in its own unit square."""
    charts = []
    for tissue in (Tissue.EYEBALL, Tissue.EAR):
        for side in (1, -1):
            rows = np.flatnonzero((kind == tissue) & (anatomy.side[anatomy.faces] == side).all(axis=1))
            charts.append((rows, _sphere(anatomy.faces[rows])))
    for tissue in (Tissue.UPPER_TEETH, Tissue.LOWER_TEETH):
        rows = np.flatnonzero(kind == tissue)
        charts.append((rows, _teeth(anatomy.faces[rows])))
    skin_faces = anatomy.faces[kind == Tissue.SKIN]
    first = len(anatomy.skin_plan)
    for loop in boundary_loops(skin_faces):
        pocket = _pocket(anatomy, kind, loop, first)
        if pocket is not None:
            rows, chart, first = pocket
            charts.append((rows, chart))
    return charts


def _sphere(faces: np.ndarray) -> np.ndarray:
    """Seen from its first pole: rings are circles, and the other pole is the outermost."""
    number = faces - faces.min()
    last = number.max()
    ring = 1 + (number - 1) // SECTORS
    rings = ring[number == last].max()  # that of the second pole
    ring = np.where(number == 0, 0, np.where(number == last, rings, ring))
    angle = 2.0 * np.pi * ((number - 1) % SECTORS) / SECTORS
    return _polar(ring / rings, _pole_angles(angle, (number == last)))


def _pole_angles(angle: np.ndarray, is_pole: np.ndarray) -> np.ndarray:
    """Angles (n, 3) with the second pole's between those of its triangle's other corners."""
    direction = np.where(is_pole, 0.0, np.exp(1j * angle)).sum(axis=1, keepdims=True)
    return np.where(is_pole, np.angle(direction), angle)


def _polar(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _teeth(faces: np.ndarray) -> np.ndarray:
    """A strip from one end of the row to the other, its section upwards; the two ends beside it."""
    along, section = np.divmod(faces - faces.min(), TEETH_SECTION)
    wraps = (section == 0).any(axis=1) & (section == TEETH_SECTION - 1).any(axis=1)
    across = np.where(wraps[:, None] & (section == 0), TEETH_SECTION, section) / TEETH_SECTION
    strip = np.stack([0.8 * along / along.max(), across], axis=-1)
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    end = np.stack([0.85 + 0.1 * corners[section, 0], 0.1 + 0.3 * corners[section, 1]], axis=-1)
    far = along > 0  # the ends are seen from opposite sides
    end = np.stack([np.where(far, end[..., 0], 1.8 - end[..., 0]), end[..., 1] + 0.5 * far], axis=-1)
    is_end = (along == along[:, :1]).all(axis=1)
    return np.where(is_end[:, None, None], end, strip)


def _pocket(
    anatomy: Anatomy, kind: np.ndarray, loop: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """The pocket behind a hole of the skin, rings from its rim inwards; None for the neck's cut.

    Its vertices begin at `first`, in the order of the rim; the next pocket's follow.
    """
    neighbours = (kind != Tissue.SKIN) & np.isin(anatomy.faces, loop).any(axis=1)
    if not neighbours.any():
        return None
    tissue = kind[neighbours][0]
    is_mouth = tissue == Tissue.MOUTH_INSIDE
    number = np.flatnonzero(anatomy.tissue[first:] == tissue)
    ends = np.flatnonzero(np.diff(number, append=-1) != 1)
    size = number[ends[0]] + 1 if is_mouth else 2 * len(loop)
    place = np.full(len(anatomy.tissue), np.nan), np.full(len(anatomy.tissue), np.nan)
    inner = np.arange(size)
    rings = -(-size // len(loop))
    around = 2.0 * np.pi * np.arange(len(loop)) / len(loop)
    place[0][loop], place[1][loop] = 1.0, around
    place[0][first + inner] = 1.0 - (1 + inner // len(loop)) / (rings if is_mouth else rings + 1)
    place[1][first + inner] = around[inner % len(loop)]
    rows = np.flatnonzero((kind == tissue) & np.isfinite(place[0][anatomy.faces]).all(axis=1))
    return rows, _polar(place[0][anatomy.faces[rows]], place[1][anatomy.faces[rows]]), first + size
