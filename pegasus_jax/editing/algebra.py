"""Swap, composition, interpolation and sampling of latents. Spec section 13.

A latent is a dict `category -> code (K,)`. Everything here is a pure function of arrays and works under jit and grad.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pegasus_jax.core.latents import Latent


def interpolate(start: Mapping[str, jax.Array], end: Mapping[str, jax.Array], t: ArrayLike) -> Latent:
    """a + t (b - a) in every slot: `start` at t = 0 and `end` at t = 1, both to the bit; t () may leave [0, 1].

    Raises:
        ValueError: the two have different categories.
    """
    if start.keys() != end.keys():
        raise ValueError(f"latents to interpolate must have the same categories; got {list(start)} and {list(end)}.")
    return {category: _blend(start[category], end[category], t) for category in start}


def swap(base: Mapping[str, jax.Array], category: str, code: jax.Array, *, weight: ArrayLike = 1.0) -> Latent:
    """`base` with `code` (K,) in one slot, or that slot moved towards it by `weight` ().

    Raises:
        ValueError: the base has no such category.
    """
    if category not in base:
        raise ValueError(f"the latent has no category {category!r}; it has {', '.join(base)}.")
    return {**base, category: _blend(base[category], code, weight)}


def compose(base: Mapping[str, jax.Array], codes: Mapping[str, tuple[jax.Array, ArrayLike]]) -> Latent:
    """Several swaps, `category -> (code (K,), weight ())`; slots are disjoint, so their order changes nothing."""
    latent = dict(base)
    for category, (code, weight) in codes.items():
        latent = swap(latent, category, code, weight=weight)
    return latent


def sample(codes: jax.Array, *, key: jax.Array) -> jax.Array:
    """A code (K,) from N(mean, std²) of the learned `codes` (L, K), each number by itself; std is the unbiased one.

    Raises:
        ValueError: there are fewer than two codes, which have no spread.
    """
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"codes must have shape (L, K) with L of 2 or more; got {codes.shape}.")
    return codes.mean(axis=0) + codes.std(axis=0, ddof=1) * jax.random.normal(key, codes.shape[1:])


def _blend(a: jax.Array, b: jax.Array, t: ArrayLike) -> jax.Array:
    t = jnp.asarray(t, jnp.float32)
    return jnp.where(t == 1.0, b, a + t * (b - a))  # a + (b - a) misses b by a rounding
