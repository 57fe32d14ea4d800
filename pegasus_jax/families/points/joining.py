"""How part-swapped videos join a run: points where a look has hair or a hat, which vanish under the other looks.

Training would take long to find out where these points go, under which look each is to be seen, and in which colour.
Mattes and pictures say so at once: presence and canonical networks start by being fitted to them.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.spatial
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.core.model import TrainState
from pegasus_jax.data.videos import Videos
from pegasus_jax.families.free_points.head_space import ANY_PART, HeadSpace, nearest_vertices
from pegasus_jax.families.points.appearance import fit_appearance, observe
from pegasus_jax.families.points.cloud import add_points
from pegasus_jax.families.points.clouds import Clouds
from pegasus_jax.families.points.fitting import fit
from pegasus_jax.families.points.networks import AvatarNetworks
from pegasus_jax.families.points.settings import PointSettings
from pegasus_jax.families.points.visual_hull import contradicted, hull_points

_SURE = 0.98  # what the network is to say of points that are there


def join(
    graphdef: nnx.GraphDef,
    state: TrainState,
    space: HeadSpace,
    videos: Videos,
    settings: PointSettings,
    *,
    seed: int,
) -> TrainState:
    """The state with which a run's second stage begins; without a presence network, looks share the points there are.

    Adam starts afresh: moments of the first stage's small gradients would make the second's first steps thirty times
    too large.
    """
    networks, found, old = (
        state.params.networks,
        np.zeros((0, 3), np.float32),
        state.params.points[state.primitives.alive],
    )
    clouds = Clouds(graphdef, networks, space)
    if settings.networks.presence:
        radius = float(state.primitives.radius) / videos.ndc_per_unit
        count = settings.cloud.hull_points
        found = newcomers(clouds, old, videos, count=count, radius=radius, seed=seed)
    state = add_points(state, settings.cloud, found)
    if settings.networks.presence:
        points, part = state.params.points[state.primitives.alive], state.primitives.part[state.primitives.alive]
        there = shown(clouds, points, len(old), videos)
        seen = observe(clouds, points, part, state.primitives.radius, videos, there=there)
        clouds = dataclasses.replace(clouds, networks=fit_presence(clouds, points, there, seed=seed))
        networks = fit_appearance(clouds, points, part, seen, seed=seed)
    params = dataclasses.replace(state.params, networks=networks)
    return dataclasses.replace(state, params=params, moments=optax.scale_by_adam().init(params))


def room(settings: PointSettings, looks: int) -> int:
    """How many points the first stage leaves to looks that are still to join; half of all at most."""
    if not settings.networks.presence:
        return 0
    return min(settings.cloud.hull_points * (looks - 1), settings.cloud.max_points // 2)


def newcomers(clouds: Clouds, points: jax.Array, videos: Videos, *, count: int, radius: float, seed: int) -> np.ndarray:
    """Generic canonical points (M, 3) where the mattes of part-swapped looks show something, and no point is.

    Of up to `count` places of each look, those farther than the `radius` (head units) from all `points` (N, 3). Looks
    take turns, so that two looks' hair shares points where both have some.
    """
    placed = np.asarray(points)
    for look in range(1, len(videos.counts)):
        rng = np.random.default_rng([seed, look])
        wanted = hull_points(clouds.space, videos.sample(look), count, rng)
        there = np.asarray(clouds.flame_canonical(jnp.asarray(placed), look))
        bare = wanted[scipy.spatial.cKDTree(there).query(wanted)[0] > radius]
        placed = np.concatenate([placed, np.asarray(clouds.inverse(jnp.asarray(bare), look))])
    return placed[len(points) :]


def shown(clouds: Clouds, points: jax.Array, old: int, videos: Videos) -> np.ndarray:
    """(looks, N) bool: the look's mattes do not contradict the point; of the `old` first ones, look 0's own have."""
    labels = []
    for look in range(len(videos.counts)):
        x_fc = clouds.flame_canonical(points, look)
        nearest = nearest_vertices(clouds.space, x_fc, jnp.full(len(points), ANY_PART))
        against = contradicted(clouds.space, np.asarray(x_fc), np.asarray(nearest), videos.sample(look))
        labels.append(~against | ((look == 0) & (np.arange(len(points)) < old)))
    return np.stack(labels)


def fit_presence(clouds: Clouds, points: jax.Array, labels: np.ndarray, *, seed: int) -> nnx.State:
    """The networks, with a presence network that says of points (N, 3) what `labels` (looks, N) do."""
    wanted = jnp.asarray(_SURE * labels + (1.0 - _SURE) * ~labels, jnp.float32)
    x_sc = jnp.stack([clouds.subject_canonical(points, look) for look in range(len(labels))])

    def distance(merged: AvatarNetworks, look: jax.Array, rows: jax.Array) -> jax.Array:
        logits = merged.presence(x_sc[look, rows], latents.flatten(merged.latents.latent(look)))
        return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, wanted[look, rows]))

    return fit(clouds.graphdef, clouds.networks, "presence", distance, shape=labels.shape, seed=seed)
