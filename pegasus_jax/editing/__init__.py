"""Latent algebra: looks that nobody filmed, made of the codes of those that were."""

from pegasus_jax.core.avatar import Swap as Swap
from pegasus_jax.editing.algebra import compose as compose
from pegasus_jax.editing.algebra import interpolate as interpolate
from pegasus_jax.editing.algebra import sample as sample
from pegasus_jax.editing.algebra import swap as swap
from pegasus_jax.editing.recipes import Composition as Composition
from pegasus_jax.editing.recipes import Interpolation as Interpolation
from pegasus_jax.editing.recipes import Look as Look
from pegasus_jax.editing.recipes import Recipe as Recipe
from pegasus_jax.editing.recipes import Sampling as Sampling
from pegasus_jax.editing.trained import TrainedLooks as TrainedLooks
