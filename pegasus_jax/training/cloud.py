"""The life of the point cloud: where it starts, when it is pruned, how it grows. Spec section 6.

Slots come in buckets of capacity, so that a run compiles once per bucket. All of it is a pure function of the state
and a key, decided the same way on every device.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.training.state import Cloud, TrainState, replace_points

SPHERE_RADIUS = 0.5
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
    prune_above: float  # prune while the radius is at least this


def published_init_radius(num_points: int) -> float:
    """r_0 = 0.3 * 0.75^log2(N / 100): 0.16875 for 400 points."""
    return 0.3 * 0.75 ** float(np.log2(num_points / 100))


def bucket(count: int, schedule: CloudSchedule) -> int:
    """The smallest capacity that holds `count` points."""
    capacity = schedule.init_points
    while capacity < count:
        capacity = min(int(capacity * BUCKET_GROWTH), schedule.max_points)
    return capacity


def sphere_points(count: int, rng: np.random.Generator) -> np.ndarray:
    """Directions of uniform points in a cube, at radius 0.5: (count, 3), as published."""
    directions = rng.uniform(-1.0, 1.0, (count, 3))
    return (SPHERE_RADIUS * directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)


def surface_points(
    vertices: np.ndarray, faces: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Area-weighted random points (count, 3) on a mesh, and the nearest corner (count,) of each one's triangle."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    chosen = rng.choice(len(faces), count, p=areas / areas.sum())
    a, b = np.sqrt(rng.random(count)), rng.random(count)
    bary = np.stack([1 - a, a * (1 - b), a * b], axis=1)
    points = np.einsum("nk,nkc->nc", bary, corners[chosen]).astype(np.float32)
    return points, faces[chosen, np.argmax(bary, axis=1)]


def full_cloud(part: np.ndarray, radius: float) -> Cloud:
    """A cloud whose every slot holds a living point, of parts (count,)."""
    count = len(part)
    return Cloud(
        alive=jnp.ones(count, bool),
        visible=jnp.zeros(count, bool),
        nearest=jnp.zeros(count, jnp.int32),
        part=jnp.asarray(part, jnp.int32),
        radius=jnp.float32(radius),
        changes=jnp.int32(0),
    )


def change_cloud(state: TrainState, schedule: CloudSchedule, key: jax.Array) -> TrainState:
    """Prunes points never seen since the last change, then copies survivors with a jitter of half a radius.

    Points of inner parts are kept, seen or not: eyes and mouths that open wider than the clip showed would be holes.
    The radius shrinks until it has passed `min_radius`; from then on a change puts copies where points were pruned.
    """
    cloud = state.cloud
    alive = np.asarray(cloud.alive)
    keep = alive
    if float(cloud.radius) >= schedule.prune_above:
        keep = alive & (np.asarray(cloud.visible) | (np.asarray(cloud.part) > 0))
    survivors = np.flatnonzero(keep)
    radius = float(cloud.radius)
    parents = np.empty(0, np.int64)
    if len(survivors) < schedule.max_points:
        room = schedule.max_points - len(survivors)
        parents = survivors
        if len(survivors) > room:
            parents = np.asarray(jax.random.permutation(jax.random.fold_in(key, 0), survivors))[:room]
    count = len(survivors) + len(parents)
    capacity = bucket(count, schedule)
    rows = np.zeros(capacity, np.int32)
    rows[:count] = np.concatenate([survivors, parents])
    slots = np.arange(capacity)
    jitter = jax.random.uniform(jax.random.fold_in(key, 1), (capacity, 3), jnp.float32, -0.5, 0.5) * radius
    is_child = (slots >= len(survivors)) & (slots < count)
    points = state.params.points[rows] + jnp.where(is_child[:, None], jitter, 0.0)
    next_radius = radius
    if radius > schedule.min_radius:
        next_radius = radius * schedule.radius_factor
    changed = replace_points(state, jnp.asarray(rows), jnp.asarray(slots < len(survivors)), points)
    return dataclasses.replace(
        changed,
        cloud=Cloud(
            alive=jnp.asarray(slots < count),
            visible=jnp.zeros(capacity, bool),
            nearest=cloud.nearest[rows],
            part=cloud.part[rows],
            radius=jnp.float32(next_radius),
            changes=cloud.changes + 1,
        ),
    )
