"""Fits one of a run's networks to what is known of points under each look, without rendering."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from pegasus_jax.families.points.networks import AvatarNetworks

_STEPS = 600
_RATE = 5e-3  # falls to 0
_POINTS = 2048  # that a step looks at

Distance = Callable[[AvatarNetworks, jax.Array, jax.Array], jax.Array]  # networks, look (), rows (n,) of points


def fit(
    graphdef: nnx.GraphDef,
    networks: nnx.State,
    name: str,
    distance: Distance,
    *,
    shape: tuple[int, ...],
    seed: int,
) -> nnx.State:
    """The networks, of which the one called `name` brings `distance` down; its looks and points number `shape`."""
    looks, points = shape
    rest = jax.tree_util.tree_map_with_path(lambda path, _: path[0].key != name, networks)
    rate = optax.cosine_decay_schedule(_RATE, _STEPS)
    optimiser = optax.chain(optax.adam(rate), optax.masked(optax.set_to_zero(), rest))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(networks: nnx.State, moments, key: jax.Array):
        rows = jax.random.randint(key, (_POINTS,), 0, points)
        look = jax.random.randint(jax.random.fold_in(key, 0), (), 0, looks)
        slope = jax.grad(lambda state: distance(nnx.merge(graphdef, state), look, rows))(networks)
        updates, moments = optimiser.update(slope, moments, networks)
        return optax.apply_updates(networks, updates), moments

    networks = jax.tree.map(jnp.copy, networks)
    moments = optimiser.init(networks)
    for number in range(_STEPS):
        networks, moments = step(networks, moments, jax.random.fold_in(jax.random.key(seed), number))
    return networks
