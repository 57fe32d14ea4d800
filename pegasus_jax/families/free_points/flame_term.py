"""The loss by which free points learn to move as the head model does. Spec section 7."""

import jax
import jax.numpy as jnp


def masked_mean(values: jax.Array, alive: jax.Array) -> jax.Array:
    """Mean of values (N,) over living points."""
    return jnp.sum(jnp.where(alive, values, 0.0)) / jnp.maximum(jnp.sum(alive), 1)


def flame_regularisation(
    weights_error: jax.Array,
    pose_error: jax.Array,
    expression_error: jax.Array,
    expression_variance: jax.Array,
    alive: jax.Array,
) -> jax.Array:
    """L_FLAME: distance of weights (n, 6), P (n, 36, 3) and E (n, 3, 50) from the nearest head vertex's.

    0.1 mean(dW^2) + 10 mean((10 dP)^2) + 10 mean((10 dE)^2 / (50 var)), var (50,) of the training expressions.
    """
    w = masked_mean(jnp.mean(weights_error**2, axis=1), alive)
    p = masked_mean(jnp.mean((10.0 * pose_error) ** 2, axis=(1, 2)), alive)
    scaled = (10.0 * expression_error) ** 2 / (50.0 * expression_variance[None, None, :])
    return 0.1 * w + 10.0 * p + 10.0 * masked_mean(jnp.mean(scaled, axis=(1, 2)), alive)
