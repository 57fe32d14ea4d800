"""Training states of random numbers, for tests that look at bookkeeping and need no networks worth the name."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pegasus_jax.core.model import TrainState
from pegasus_jax.families.points import cloud
from pegasus_jax.families.points.state import Params


def random_state(count: int, *, radius: float = 0.1, seed: int = 0) -> TrainState:
    """`count` living points with random Adam moments, none of them seen yet."""
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    params = Params(nnx.State({"w": nnx.Param(numbers(2))}), numbers(count, 3))
    moments = optax.scale_by_adam().init(params)
    moments = moments._replace(
        mu=dataclasses.replace(moments.mu, points=numbers(count, 3)),
        nu=dataclasses.replace(moments.nu, points=jnp.abs(numbers(count, 3))),
    )
    return TrainState(jnp.int32(0), params, moments, cloud.full_cloud(np.zeros(count), radius), jnp.int32(16))


def with_cloud(state: TrainState, **changes) -> TrainState:
    """The state with other bookkeeping of its points."""
    return dataclasses.replace(state, primitives=dataclasses.replace(state.primitives, **changes))
