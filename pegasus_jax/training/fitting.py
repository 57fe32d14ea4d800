"""Fits some of a run's layers to what is known of points under each look, without rendering."""

import functools
from collections.abc import Callable, Collection

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from pegasus_jax.models.networks import AvatarNetworks

_RATE = 5e-3  # falls to 0
_POINTS = 2048  # that a step looks at

Distance = Callable[[AvatarNetworks, jax.Array, jax.Array], jax.Array]  # networks, look (), rows (n,) of points


def fit(
    graphdef: nnx.GraphDef,
    networks: nnx.State,
    layers: Collection[str],
    distance: Distance,
    *,
    shape: tuple[int, ...],
    seed: int,
    steps: int = 600,
) -> nnx.State:
    """The networks, of which some `layers` bring `distance` down; its looks and points number `shape`.

    A layer is named as in "canonical.detail", and "canonical" is all of that network's.
    """
    looks, points = shape
    rest = jax.tree_util.tree_map_with_path(lambda path, _: not _is_of(layers, path), networks)
    rate = optax.cosine_decay_schedule(_RATE, steps)
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
    for number in range(steps):
        networks, moments = step(networks, moments, jax.random.fold_in(jax.random.key(seed), number))
    return networks


def _is_of(layers: Collection[str], path: tuple) -> bool:
    names = [str(entry.key) for entry in path if isinstance(entry, jax.tree_util.DictKey)]
    return any(names[: len(wanted)] == wanted for wanted in (layer.split(".") for layer in layers))
