"""The perceptual loss L_vgg of spec section 7, and the VGG16 trunk under it.

Images are (B, H, W, 3) in [0, 1]. The trunk's widths come from its parameters, kept block by block: a block is
its 3x3 convolutions, each followed by a ReLU; 2x2 max pooling stands between blocks. Simonyan and Zisserman,
"Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015, configuration D.
"""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.torch_files import read_tensors

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INPUT_SIZE = 224  # pixels

# torchvision's numbers of the convolutions that end in relu1_2, relu2_2, relu3_3 and relu4_3, and their widths.
_LAYERS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21))
_WIDTHS = (64, 128, 256, 512)


class Convolution(NamedTuple):
    """One 3x3 convolution with zero padding."""

    kernel: jax.Array  # (3, 3, in, out)
    bias: jax.Array  # (out,)


Blocks = Sequence[Sequence[Convolution]]


def vgg_loss(weights: str | os.PathLike[str]) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """L_vgg as a function of a prediction and a target, both (B, H, W, 3) in [0, 1], with the weights in the file.

    Raises:
      UserError: the file cannot be read, or lacks one of VGG16's tensors.
    """
    return functools.partial(feature_distance, load_vgg16(weights))


def feature_distance(params: Blocks, prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Sum over the blocks of the mean |difference| of features; no gradient flows to `target`."""
    chex.assert_equal_shape((prediction, target))
    features = vgg16_features(params, vgg16_input(prediction))
    wanted = vgg16_features(params, vgg16_input(jax.lax.stop_gradient(target)))
    return sum((jnp.mean(jnp.abs(a - b)) for a, b in zip(features, wanted)), start=jnp.zeros(()))


def vgg16_input(images: jax.Array) -> jax.Array:
    """Images normalised by ImageNet's statistics, then resized to 224x224: bilinear, no antialiasing."""
    chex.assert_shape(images, (None, None, None, 3))
    mean, std = jnp.asarray([IMAGENET_MEAN, IMAGENET_STD], images.dtype)[:, None, None, None]
    shape = (images.shape[0], INPUT_SIZE, INPUT_SIZE, images.shape[3])
    return jax.image.resize((images - mean) / std, shape, "bilinear", antialias=False)


def vgg16_features(params: Blocks, images: jax.Array) -> list[jax.Array]:
    """Each block's output, (B, H / 2^i, W / 2^i, C_i) for block i = 0, 1, ..., of normalised images."""
    features, x = [], images
    for index, block in enumerate(params):
        x = _max_pool(x) if index else x
        for convolution in block:
            x = jax.nn.relu(_convolve(convolution, x))
        features.append(x)
    return features


def _convolve(convolution: Convolution, x: jax.Array) -> jax.Array:
    y = jax.lax.conv_general_dilated(
        x, convolution.kernel, (1, 1), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y + convolution.bias[None, None, None]


def _max_pool(x: jax.Array) -> jax.Array:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def load_vgg16(path: str | os.PathLike[str]) -> Blocks:
    """The blocks up to relu4_3 of torchvision's VGG16, with or without `features.` before the tensors' names.

    Raises:
      UserError: the file cannot be read, or a tensor is missing or of another shape.
    """
    tensors = read_tensors(path)
    prefix = "" if "0.weight" in tensors else "features."
    blocks, width_in = [], len(IMAGENET_MEAN)
    for layers, width in zip(_LAYERS, _WIDTHS):
        block = []
        for layer in layers:
            kernel = _tensor(tensors, f"{prefix}{layer}.weight", (width, width_in, 3, 3), path)
            bias = _tensor(tensors, f"{prefix}{layer}.bias", (width,), path)
            block.append(Convolution(jnp.array(kernel.transpose(2, 3, 1, 0)), jnp.array(bias)))
            width_in = width
        blocks.append(tuple(block))
    return tuple(blocks)


def _tensor(tensors: dict[str, Any], name: str, shape: tuple[int, ...], path: str | os.PathLike[str]) -> np.ndarray:
    """Tensor `name` as float32."""
    value = tensors.get(name)
    found = value.shape if isinstance(value, np.ndarray) else None
    if found != shape:
        fault = f"has {name} of shape {found} instead of {shape}" if found else f"has no tensor {name}"
        raise UserError(
            f"{os.fspath(path)} {fault}; give torchvision's VGG16: vgg16-397923af.pth from "
            "https://download.pytorch.org/models, or a .safetensors copy of it."
        )
    return np.asarray(value, np.float32)
