"""The convolutional trunks that perceptual distances look through: VGG16 and AlexNet, with torchvision's weights.

A trunk is a sequence of blocks: max pooling (not everywhere), then convolutions, each followed by a ReLU. A block's
output is one layer of features. Widths, windows and strides come with the parameters.
Simonyan and Zisserman 2015, configuration D; Krizhevsky 2014, "One weird trick for parallelizing convolutional neural
networks", the single-column AlexNet.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.torch_files import read_tensors

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Net = Literal["alex", "vgg"]
FILES: dict[Net, str] = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}  # torchvision's names
_NAMES: dict[Net, str] = {"alex": "AlexNet", "vgg": "VGG16"}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution with zero padding."""

    kernel: jax.Array  # (side, side, in, out)
    bias: jax.Array  # (out,)
    stride: int = dataclasses.field(default=1, metadata={"static": True})
    padding: int = dataclasses.field(default=1, metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Block:
    """Max pooling over windows of side `pool`, every second pixel (0: none), then convolutions with ReLUs."""

    convolutions: tuple[Convolution, ...]
    pool: int = dataclasses.field(default=0, metadata={"static": True})


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A published convolution: its number in torchvision's `features`, and its shape."""

    number: int
    width: int
    side: int = 3
    stride: int = 1
    padding: int = 1


# Per block the side of its pooling and its convolutions.
_LAYERS: dict[Net, tuple[tuple[int, tuple[_Layer, ...]], ...]] = {
    "alex": (  # ends in relu1 to relu5
        (0, (_Layer(0, 64, side=11, stride=4, padding=2),)),
        (3, (_Layer(3, 192, side=5, padding=2),)),
        (3, (_Layer(6, 384),)),
        (0, (_Layer(8, 256),)),
        (0, (_Layer(10, 256),)),
    ),
    "vgg": (  # ends in relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3
        (0, (_Layer(0, 64), _Layer(2, 64))),
        (2, (_Layer(5, 128), _Layer(7, 128))),
        (2, (_Layer(10, 256), _Layer(12, 256), _Layer(14, 256))),
        (2, (_Layer(17, 512), _Layer(19, 512), _Layer(21, 512))),
        (2, (_Layer(24, 512), _Layer(26, 512), _Layer(28, 512))),
    ),
}


def features(trunk: Sequence[Block], images: jax.Array) -> list[jax.Array]:
    """Each block's output (B, h, w, C) for normalised `images` (B, H, W, 3)."""
    outputs, x = [], images
    for block in trunk:
        x = _max_pool(x, block.pool) if block.pool else x
        for convolution in block.convolutions:
            x = jax.nn.relu(_convolve(convolution, x))
        outputs.append(x)
    return outputs


def load_trunk(path: str | os.PathLike[str], *, net: Net, blocks: int = 5) -> tuple[Block, ...]:
    """The first `blocks` blocks of torchvision's AlexNet or VGG16, with or without `features.` before tensors' names.

    Raises:
        UserError: the file cannot be read, or a tensor is missing or of another shape.
    """
    tensors = read_tensors(path)
    prefix = "" if "0.weight" in tensors else "features."
    trunk, width = [], len(IMAGENET_MEAN)
    for pool, layers in _LAYERS[net][:blocks]:
        convolutions = []
        for layer in layers:
            name = f"{prefix}{layer.number}"
            kernel = _tensor(tensors, f"{name}.weight", (layer.width, width, layer.side, layer.side), net, path)
            bias = _tensor(tensors, f"{name}.bias", (layer.width,), net, path)
            arrays = jnp.array(kernel.transpose(2, 3, 1, 0)), jnp.array(bias)
            convolutions.append(Convolution(*arrays, layer.stride, layer.padding))
            width = layer.width
        trunk.append(Block(tuple(convolutions), pool))
    return tuple(trunk)


def _convolve(convolution: Convolution, x: jax.Array) -> jax.Array:
    padding = (convolution.padding, convolution.padding)
    y = jax.lax.conv_general_dilated(
        x,
        convolution.kernel,
        (convolution.stride, convolution.stride),
        (padding, padding),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return y + convolution.bias[None, None, None]


def _max_pool(x: jax.Array, side: int) -> jax.Array:
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, side, side, 1), (1, 2, 2, 1), "VALID")


def _tensor(
    tensors: dict[str, Any], name: str, shape: tuple[int, ...], net: Net, path: str | os.PathLike[str]
) -> np.ndarray:
    """Tensor `name` as float32."""
    value = tensors.get(name)
    found = value.shape if isinstance(value, np.ndarray) else None
    if found != shape:
        fault = f"has {name} of shape {found} instead of {shape}" if found else f"has no tensor {name}"
        raise UserError(
            f"{os.fspath(path)} {fault}; give torchvision's {_NAMES[net]}: {FILES[net]} from "
            "https://download.pytorch.org/models, or a .safetensors copy of it."
        )
    return np.asarray(value, np.float32)
