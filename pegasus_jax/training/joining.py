"""What the cloud needs when part-swapped videos join: points where a look has hair or a hat and others have none."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial
from flax import nnx

from pegasus_jax.data.frames import take
from pegasus_jax.models import latents
from pegasus_jax.models.head_space import HeadSpace
from pegasus_jax.models.networks import flame_canonical
from pegasus_jax.training.state import TrainState
from pegasus_jax.training.videos import Videos
from pegasus_jax.training.visual_hull import hull_points

_STEPS = 6  # of the inversion; offsets are small and smooth where swapped videos join


def newcomers(
    graphdef: nnx.GraphDef, state: TrainState, space: HeadSpace, videos: Videos, *, count: int, seed: int
) -> np.ndarray:
    """Generic canonical points (M, 3): of up to `count` places that each swapped look's mattes show, the bare ones.

    A place is bare if no point is within the cloud's radius of it. Looks take turns, so that two looks' hair shares
    points where both have some.
    """
    frames, cloud = videos.train, state.cloud
    radius = float(cloud.radius) / float(videos.own.cameras.ndc_per_unit().mean())
    placed = np.asarray(state.params.points)[np.asarray(cloud.alive)]
    old = len(placed)
    for look in range(1, len(videos.counts)):
        rng = np.random.default_rng([seed, look])
        wanted = hull_points(space, take(frames, np.flatnonzero(frames.look == look)), count, rng)
        there = np.asarray(_flame_canonical(graphdef, state.params.networks, jnp.asarray(placed), look))
        bare = scipy.spatial.cKDTree(there).query(wanted)[0] > radius
        fresh = _inverse(graphdef, state.params.networks, jnp.asarray(wanted[bare]), look)
        placed = np.concatenate([placed, np.asarray(fresh)])
    return placed[old:]


def _flame_canonical(graphdef: nnx.GraphDef, networks: nnx.State, points: jax.Array, look: int) -> jax.Array:
    merged = nnx.merge(graphdef, networks)
    return flame_canonical(merged, points, latents.flatten(merged.latents.latent(look)))


def _inverse(graphdef: nnx.GraphDef, networks: nnx.State, x_fc: jax.Array, look: int) -> jax.Array:
    """Points (N, 3) that a look takes to x_fc (N, 3), by fixed-point iteration."""
    points = x_fc
    for _ in range(_STEPS):
        points = points + x_fc - _flame_canonical(graphdef, networks, points, look)
    return points
