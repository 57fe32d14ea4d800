"""The training losses of rigged Gaussians, as pure functions of pictures and parameters.

Pictures are (B, H, W, 3) in [0, 1] over whatever background; mattes are (B, H, W) in [0, 1].
"""

import jax
import jax.numpy as jnp

from pegasus_jax.core import metrics
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.params import Params, initial_log_scale
from pegasus_jax.families.gaussians.rig import Rig

_GROWTH = 0.9  # of log-scales beyond their start, which is free
_OUTSIDE = 0.1  # weight of the colours' prior outside the mouth
_NEEDLE = 1.2  # of the largest log-scale beyond the middle one, which is free


def emphasised_l1(picture: jax.Array, target: jax.Array, emphasis: jax.Array, *, gain: float) -> jax.Array:
    """Returns the mean of (1 + gain x emphasis) |picture - target|, with emphasis (B, H, W) in [0, 1]."""
    return jnp.mean((1.0 + gain * emphasis) * jnp.abs(picture - target).mean(axis=-1))


def dissimilarity(picture: jax.Array, target: jax.Array) -> jax.Array:
    """Returns 1 - SSIM, the mean over pictures."""
    return 1.0 - jnp.mean(jax.vmap(metrics.ssim)(picture, target))


def matte_l1(alpha: jax.Array, matte: jax.Array) -> jax.Array:
    """Returns the mean of |alpha - matte|."""
    return jnp.mean(jnp.abs(alpha - matte))


def offset_prior(params: Params) -> jax.Array:
    """Returns the mean squared offset, in units of each Gaussian's freedom."""
    return jnp.mean(jnp.sum(params.offset**2, axis=0))


def size_prior(params: Params, rig: Rig) -> jax.Array:
    """Returns the mean squared excess of log-scales over e^0.9 times where they started."""
    return jnp.mean(jax.nn.relu(params.log_scale - initial_log_scale(rig) - _GROWTH) ** 2)


def needle_prior(params: Params) -> jax.Array:
    """Returns the mean squared excess of the largest log-scale over e^1.2 times the middle one: a disc is no needle."""
    x, y, z = params.log_scale
    largest = jnp.maximum(jnp.maximum(x, y), z)
    middle = jnp.maximum(jnp.minimum(x, y), jnp.minimum(jnp.maximum(x, y), z))
    return jnp.mean(jax.nn.relu(largest - middle - _NEEDLE) ** 2)


def colour_prior(params: Params, rig: Rig, first_colour: jax.Array) -> jax.Array:
    """Returns the mean squared change of colours from the first ones.

    What many pixels show overrules it; what few show does not turn to noise. Inside the mouth it counts most.
    """
    inside = jnp.isin(rig.part, jnp.array([parts.MOUTH, parts.TEETH]))
    change = jnp.sum((params.colour - first_colour) ** 2, axis=0)
    return jnp.mean(jnp.where(inside, 1.0, _OUTSIDE) * change)
