"""The life of the point cloud: where it starts, when it is pruned, how it grows. Spec section 6.

Slots come in buckets of capacity, so that a run compiles once per bucket. All of it is a pure function of the state
and a key, decided the same way on every device.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.core.model import TrainState
from pegasus_jax.core.spread import farthest_first
from pegasus_jax.families.points.state import Cloud, Params, replace_points
from pegasus_jax.flame.normals import triangle_areas

_BESIDE = 4  # neighbours that tell how far apart points stand
_CANDIDATES = 8  # random points for each that is kept
BUCKET_GROWTH = 2.0


@dataclasses.dataclass(frozen=True)
class CloudSchedule:
    """When and how the cloud changes; periods in frames seen."""

    init: str  # "sphere" (published) or "head" (on the canonical head's surface)
    init_points: int
    init_radius: float  # NDC
    max_points: int
    min_radius: float
    radius_factor: float
    period: int
    nearest_period: int  # refresh of each point's nearest head vertex
    prune_above: float  # prune while the radius is at least this
    hull_points: int = 0  # besides those on the head, if it starts there: hair and clothes, told from the mattes
    fills_gaps: bool = False  # what grows into the last slots goes where points stand far apart, not just anywhere
    least_capacity: int = 0  # slots from the start: with as many as `max_points` a run compiles once, for slower steps


def published_init_radius(num_points: int) -> float:
    """r_0 = 0.3 * 0.75^log2(N / 100): 0.16875 for 400 points."""
    return 0.3 * 0.75 ** float(np.log2(num_points / 100))


def bucket(count: int, schedule: CloudSchedule) -> int:
    """The smallest capacity that holds `count` points."""
    capacity = max(schedule.init_points, schedule.least_capacity)
    while capacity < count:
        capacity = min(int(capacity * BUCKET_GROWTH), schedule.max_points)
    return capacity


def surface_points(
    vertices: np.ndarray,
    faces: np.ndarray,
    part: np.ndarray,
    count: int,
    rng: np.random.Generator,
    *,
    fineness: np.ndarray,
    areas: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spread points (count, 3) on a mesh, and the part (count,) of each: that of its triangle's first corner.

    `part` (V,) is of the vertices, `fineness` (V,) the relative size of the points there, `areas` (faces,) what each
    triangle is to be covered at: its own size or that of a stretched state. Head models have small triangles where
    detail is, around eyes and lips, so points stand closer there: their density falls with the fourth root of a
    triangle's area. Thinned out from several times as many random points, they leave no gaps.
    """
    corners = vertices[faces]
    face_part = part[faces[:, 0]]
    area = np.maximum(triangle_areas(vertices, faces), 1e-12)
    stretch = areas / area
    density = stretch * areas**-0.25 / fineness[faces].mean(axis=1) ** 2
    share = area * density
    chosen = rng.choice(len(faces), _CANDIDATES * count, p=share / share.sum())
    a, b = np.sqrt(rng.random(len(chosen))), rng.random(len(chosen))
    bary = np.stack([1 - a, a * (1 - b), a * b], axis=1)
    points = np.einsum("nk,nkc->nc", bary, corners[chosen]).astype(np.float32)
    ends = np.round(count * np.cumsum(np.bincount(face_part, share)) / share.sum()).astype(int)
    kept = []
    for index, (start, end) in enumerate(zip([0, *ends], ends)):
        rows = np.flatnonzero(face_part[chosen] == index)
        kept.append(rows[farthest_first(points[rows], density[chosen[rows]], end - start)])
    rows = np.concatenate(kept)
    return points[rows], face_part[chosen[rows]]


def full_cloud(part: np.ndarray, radius: float, *, looks: int = 1) -> Cloud:
    """A cloud whose every slot holds a living point, of parts (count,), shared by several looks."""
    count = len(part)
    return Cloud(
        alive=jnp.ones(count, bool),
        visible=jnp.zeros(count, bool),
        nearest=jnp.zeros((looks, count), jnp.int32),
        part=jnp.asarray(part, jnp.int32),
        radius=jnp.float32(radius),
        changes=jnp.int32(0),
    )


def add_points(state: TrainState, schedule: CloudSchedule, points: np.ndarray) -> TrainState:
    """Puts new points (M, 3) of the outside of the head into the cloud, as far as there is room."""
    cloud = state.primitives
    old = np.flatnonzero(np.asarray(cloud.alive))
    points = points[: max(schedule.max_points - len(old), 0)]
    count = len(old) + len(points)
    capacity = max(bucket(count, schedule), cloud.capacity)
    rows = np.zeros(capacity, np.int32)
    rows[: len(old)] = old
    slots = np.arange(capacity)
    new = jnp.asarray((slots >= len(old)) & (slots < count))
    placed = jnp.zeros((capacity, 3)).at[len(old) : count].set(points)
    changed = _arranged(state, rows, len(old), count, jnp.where(new[:, None], placed, state.params.points[rows]))
    visible, part = jnp.where(new, False, cloud.visible[rows]), jnp.where(new, 0, cloud.part[rows])
    return dataclasses.replace(changed, primitives=dataclasses.replace(changed.primitives, visible=visible, part=part))


def change_cloud(
    state: TrainState,
    schedule: CloudSchedule,
    key: jax.Array,
    *,
    scale: jax.Array | float = 1.0,
    spared: np.ndarray | bool = False,
) -> TrainState:
    """Prunes points never seen since the last change, then copies survivors with a jitter of half a radius.

    `scale` (capacity,) is the points' share of the radius; those `spared` (capacity,) bool are kept, seen or not. The
    radius shrinks until it has passed `min_radius`; from then on a change puts copies where points were pruned.
    """
    cloud = state.primitives
    alive = np.asarray(cloud.alive)
    keep = alive
    if float(cloud.radius) >= schedule.prune_above:
        keep = alive & (np.asarray(cloud.visible) | spared)
    survivors = np.flatnonzero(keep)
    radius = float(cloud.radius)
    parents, between = np.empty(0, np.int64), None
    if len(survivors) < schedule.max_points:
        room = schedule.max_points - len(survivors)
        parents = survivors
        if len(survivors) > room and schedule.fills_gaps:
            parents, between = _gaps(state, survivors, room, np.broadcast_to(scale, alive.shape))
        elif len(survivors) > room:
            parents = np.asarray(jax.random.permutation(jax.random.fold_in(key, 0), survivors))[:room]
    count = len(survivors) + len(parents)
    capacity = bucket(count, schedule)
    rows = np.zeros(capacity, np.int32)
    rows[:count] = np.concatenate([survivors, parents])
    slots = np.arange(capacity)
    jitter = jax.random.uniform(jax.random.fold_in(key, 1), (capacity, 3), jnp.float32, -0.5, 0.5) * radius
    jitter = jitter * jnp.broadcast_to(scale, alive.shape)[rows][:, None]
    is_child = (slots >= len(survivors)) & (slots < count)
    points = state.params.points[rows] + jnp.where(is_child[:, None], jitter, 0.0)
    if between is not None:
        points = points.at[len(survivors) : count].set(between)
    next_radius = radius
    if radius > schedule.min_radius:
        next_radius = radius * schedule.radius_factor
    changed = _arranged(state, rows, len(survivors), count, points)
    return dataclasses.replace(
        changed, primitives=dataclasses.replace(changed.primitives, radius=jnp.float32(next_radius))
    )


def _gaps(state: TrainState, survivors: np.ndarray, room: int, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The `room` of the survivors that stand farthest apart for their size, and places (room, 3) beside them.

    Each place is halfway to one of the nearest of the same part.
    """
    points, part = np.asarray(state.params.points), np.asarray(state.primitives.part)
    spacing, between = np.zeros(len(survivors)), points[survivors]
    for one in np.unique(part[survivors]):
        own = np.flatnonzero(part[survivors] == one)
        count = min(_BESIDE, len(own) - 1)
        if count > 0:
            places = points[survivors[own]]
            distance, nearest = scipy.spatial.cKDTree(places).query(places, k=count + 1)
            spacing[own] = distance[:, -1]
            between[own] = 0.5 * (places + places[nearest[:, -1]])
    widest = np.argsort(-spacing / scale[survivors], kind="stable")[:room]
    return survivors[widest], between[widest]


def with_room(params: Params, cloud: Cloud, capacity: int) -> tuple[Params, Cloud]:
    """The same points, in `capacity` slots if they have fewer; without Adam's moments, which have not begun."""
    more = capacity - cloud.capacity
    if more <= 0:
        return params, cloud
    points = jnp.pad(params.points, ((0, more), (0, 0)))
    rows = np.pad(np.arange(cloud.capacity), (0, more))
    padded = dataclasses.replace(
        cloud,
        alive=jnp.pad(cloud.alive, (0, more)),
        visible=jnp.pad(cloud.visible, (0, more)),
        nearest=cloud.nearest[:, rows],
        part=cloud.part[rows],
    )
    return dataclasses.replace(params, points=points), padded


def empty_at(state: TrainState, capacity: int) -> TrainState:
    """A state with so many slots, all of them empty; whatever depends on shapes alone is as it will be."""
    return _arranged(state, np.zeros(capacity, np.int32), 0, 0, jnp.zeros((capacity, 3)))


def _arranged(state: TrainState, rows: np.ndarray, kept: int, count: int, points: jax.Array) -> TrainState:
    """The cloud after one more change: `points` (capacity', 3), the first `count` alive, all of them unseen.

    Slots take over what is known of the old slots `rows` (capacity',), the first `kept` of them moments included.
    """
    cloud, slots = state.primitives, np.arange(len(rows))
    changed = replace_points(state, jnp.asarray(rows), jnp.asarray(slots < kept), points)
    return dataclasses.replace(
        changed,
        primitives=dataclasses.replace(
            cloud,
            alive=jnp.asarray(slots < count),
            visible=jnp.zeros(len(rows), bool),
            nearest=cloud.nearest[:, rows],
            part=cloud.part[rows],
            changes=cloud.changes + 1,
        ),
    )
