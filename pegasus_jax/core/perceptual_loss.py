"""The perceptual loss L_vgg of spec section 7. Images are (B, H, W, 3) in [0, 1]."""

import functools
import os
from collections.abc import Callable, Sequence

import chex
import jax
import jax.numpy as jnp

from pegasus_jax.core.trunks import IMAGENET_MEAN, IMAGENET_STD, Block, features, load_trunk

INPUT_SIZE = 224  # pixels
BLOCKS = 4  # up to relu4_3


def vgg_loss(weights: str | os.PathLike[str]) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """L_vgg as a function of a prediction and a target, both (B, H, W, 3) in [0, 1], with the weights in the file.

    Raises:
      UserError: the file cannot be read, or lacks one of VGG16's tensors.
    """
    return functools.partial(feature_distance, load_trunk(weights, net="vgg", blocks=BLOCKS))


def feature_distance(trunk: Sequence[Block], prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Sum over the blocks of the mean |difference| of features; no gradient flows to `target`."""
    chex.assert_equal_shape((prediction, target))
    seen = features(trunk, vgg16_input(prediction))
    wanted = features(trunk, vgg16_input(jax.lax.stop_gradient(target)))
    return sum((jnp.mean(jnp.abs(a - b)) for a, b in zip(seen, wanted)), start=jnp.zeros(()))


def vgg16_input(images: jax.Array) -> jax.Array:
    """Images normalised by ImageNet's statistics, then resized to 224x224: bilinear, no antialiasing."""
    chex.assert_shape(images, (None, None, None, 3))
    mean, std = jnp.asarray([IMAGENET_MEAN, IMAGENET_STD], images.dtype)[:, None, None, None]
    shape = (images.shape[0], INPUT_SIZE, INPUT_SIZE, images.shape[3])
    return jax.image.resize((images - mean) / std, shape, "bilinear", antialias=False)
