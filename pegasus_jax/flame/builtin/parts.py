"""Everything that is not outer skin: eyeballs, ears, the pockets behind eyelids and lips, teeth."""

import itertools

import numpy as np

from pegasus_jax.flame.builtin import face_plan

_EYEBALL_RINGS = np.deg2rad([7.5, 15.0, 21.0, 24.5, 33.0, 45.0, 60.0, 80.0, 110.0, 145.0])  # from the pupil
_EAR_RINGS = np.deg2rad([18.0, 32.0, 45.0, 56.0, 68.0, 80.0, 95.0, 115.0, 145.0])  # from the outward normal
SECTORS = 20  # of eyeballs and ears
_EAR_ROOT = np.array([72.5, 6.0, -13.0])
_EAR_FLARE = np.deg2rad(26.0)  # how far the back of the ear stands out
_EAR_TILT = np.deg2rad(10.0)
_EAR_HEIGHT, _EAR_WIDTH = 30.0, 17.5  # half sizes

# The pocket behind the lips, ring by ring: narrowing of x, height above or below the slit, depth behind the lip.
_MOUTH_RINGS = ((1.0, 1.2, 3.5), (0.98, 11.0, 6.5), (0.95, 15.0, 24.0), (0.75, 12.0, 46.0))
_TEETH_ANGLES = np.linspace(-1.25, 1.25, 19)
_TEETH_WIDTH, _TEETH_DEPTH = 23.0, 30.0
# Front z, and y of the edges: at the gum, at the biting edge.
_UPPER_TEETH = (75.5, face_plan.MOUTH_Y + 10.5, face_plan.MOUTH_Y - 1.5)
_LOWER_TEETH = (73.5, face_plan.MOUTH_Y - 10.5, face_plan.MOUTH_Y - 2.0)
_TEETH_THICKNESS = 5.0
TEETH_SECTION = 4  # corners of the horseshoe's cross-section

Mesh = tuple[np.ndarray, np.ndarray]  # positions (V, 3) mm, faces (F, 3)


def eyeball() -> Mesh:
    """The left eyeball: a sphere whose rings are centred on the line of sight, one of them at the iris's edge."""
    directions, faces = _polar_sphere(_EYEBALL_RINGS, SECTORS)
    return face_plan.EYE_CENTRE + face_plan.EYEBALL_RADIUS * directions, faces


def ear() -> Mesh:
    """The left ear: a flattened closed shell with a rim and a hollow, rooted in the side of the head."""
    directions, faces = _polar_sphere(_EAR_RINGS, SECTORS)
    back, up, out = directions.T  # the sphere's pole is the ear's outward normal
    radius = np.hypot(back, up)
    width = 1.0 + 0.22 * up  # egg-shaped: narrow at the lobe
    outer = 4.5 * out + 3.0 * np.exp(-(((radius - 0.86) / 0.16) ** 2))
    hollow = 4.5 * np.exp(-(((back + 0.15) / 0.42) ** 2) - ((up + 0.12) / 0.5) ** 2)
    thickness = np.where(out > 0, outer - hollow, 5.0 * out)
    axis_up = np.array([0.0, np.cos(_EAR_TILT), -np.sin(_EAR_TILT)])
    axis_back = np.array([np.sin(_EAR_FLARE), 0.0, -np.cos(_EAR_FLARE)])
    axis_out = np.array([np.cos(_EAR_FLARE), 0.0, np.sin(_EAR_FLARE)])
    along_back = _EAR_WIDTH * (1.0 + back * width)
    along_up = _EAR_HEIGHT * up * (1.0 + 0.06 * back)
    positions = _EAR_ROOT + np.stack([along_back, along_up, thickness], -1) @ np.stack([axis_back, axis_up, axis_out])
    return positions, faces


def teeth(*, upper: bool) -> Mesh:
    """One row of teeth: a closed horseshoe."""
    front, gum, edge = _UPPER_TEETH if upper else _LOWER_TEETH
    section = []
    for inset, y in ((0.0, gum), (0.0, edge), (_TEETH_THICKNESS, edge), (_TEETH_THICKNESS, gum)):
        x = (_TEETH_WIDTH - inset) * np.sin(_TEETH_ANGLES)
        z = front - _TEETH_DEPTH + (_TEETH_DEPTH - inset) * np.cos(_TEETH_ANGLES)
        section.append(np.stack([x, np.full_like(x, y), z], axis=-1))
    positions = np.stack(section, axis=1).reshape(-1, 3)
    count = len(_TEETH_ANGLES)
    faces = [_strip(4 * i + np.arange(4), 4 * (i + 1) + np.arange(4)) for i in range(count - 1)]
    last = 4 * (count - 1)
    caps = np.array([[0, 1, 2], [0, 2, 3], [last, last + 2, last + 1], [last, last + 3, last + 2]])
    faces_array = np.concatenate([*faces, caps])
    return positions, faces_array[:, ::-1] if upper else faces_array


def mouth_pocket(rim: np.ndarray, above: np.ndarray, first: int, rim_ids: np.ndarray) -> Mesh:
    """The inside of the mouth behind the lips' edge `rim` (N, 3); `above` (N,) is 1 at the upper lip, -1 at the lower.

    New vertices are numbered from `first`; `rim_ids` (N,) are those of the rim, in the skin's boundary order.
    """
    rings = []
    for narrowing, height, depth in _MOUTH_RINGS:
        y = face_plan.MOUTH_Y + height * above
        rings.append(np.stack([narrowing * rim[:, 0], y, rim[:, 2] - depth], axis=-1))
    rings[0][:, 1] = rim[:, 1] + _MOUTH_RINGS[0][1] * above
    end = rings[-1].mean(axis=0, keepdims=True)
    ids = [rim_ids, *(first + len(rim) * k + np.arange(len(rim)) for k in range(len(rings)))]
    faces = [_strip(outer, inner) for outer, inner in itertools.pairwise(ids)]
    centre = first + len(rim) * len(rings)
    fan = np.stack([np.roll(ids[-1], -1), ids[-1], np.full(len(rim), centre)], axis=-1)
    return np.concatenate([*rings, end]), np.concatenate([*faces, fan])


def eye_pocket(rim: np.ndarray, first: int, rim_ids: np.ndarray, centre: np.ndarray) -> Mesh:
    """The inner side of the eyelids: from their edge `rim` (N, 3) onto the eyeball at `centre` and behind the lids."""
    offset = rim - centre
    direction = offset / np.linalg.norm(offset, axis=-1, keepdims=True)
    touching = centre + (face_plan.EYEBALL_RADIUS + 0.35) * direction
    outwards = direction + 0.4 * np.concatenate([direction[:, :2], np.zeros((len(rim), 1))], axis=-1)
    behind = outwards / np.linalg.norm(outwards, axis=-1, keepdims=True)
    rings = [touching, centre + (face_plan.EYEBALL_RADIUS + 0.2) * behind]
    ids = [rim_ids, *(first + len(rim) * k + np.arange(len(rim)) for k in range(len(rings)))]
    return np.concatenate(rings), np.concatenate([_strip(a, b) for a, b in itertools.pairwise(ids)])


def _strip(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Triangles between two closed loops of equal length, joining a boundary loop `outer` to `inner`."""
    a, b, a_in, b_in = outer, np.roll(outer, -1), inner, np.roll(inner, -1)
    return np.concatenate([np.stack([b, a, a_in], axis=-1), np.stack([b, a_in, b_in], axis=-1)])


def _polar_sphere(rings: np.ndarray, sectors: int) -> Mesh:
    """Unit directions and outward faces of a sphere with its poles on the z axis; `rings` are angles from +z."""
    around = 2 * np.pi * np.arange(sectors) / sectors
    x = np.sin(rings)[:, None] * np.cos(around)
    y = np.sin(rings)[:, None] * np.sin(around)
    z = np.broadcast_to(np.cos(rings)[:, None], x.shape)
    middle = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    directions = np.concatenate([[[0.0, 0.0, 1.0]], middle, [[0.0, 0.0, -1.0]]])
    ids = [1 + sectors * k + np.arange(sectors) for k in range(len(rings))]
    front = np.stack([np.zeros(sectors, int), ids[0], np.roll(ids[0], -1)], axis=-1)
    end = np.full(sectors, len(directions) - 1)
    back = np.stack([end, np.roll(ids[-1], -1), ids[-1]], axis=-1)
    bands = [_strip(inner, outer) for inner, outer in itertools.pairwise(ids)]
    return directions, np.concatenate([front, *bands, back])
