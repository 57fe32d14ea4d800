"""torchvision's AlexNet and VGG16 layer by layer in float64, with random weights under torchvision's names."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

Layer = tuple  # ("conv", width, side, stride, padding), ("relu",) or ("pool", side)


def _conv(width: int, side: int = 3, stride: int = 1, padding: int = 1) -> list[Layer]:
    return [("conv", width, side, stride, padding), ("relu",)]


def _vgg(*widths: int | str) -> list[Layer]:
    return [layer for width in widths for layer in ([("pool", 2)] if width == "M" else _conv(width))]


# As torchvision's `features` list them, up to the last layer that LPIPS looks at.
SEQUENCES = {
    "alex": [
        *_conv(64, 11, 4, 2),
        ("pool", 3),
        *_conv(192, 5, 1, 2),
        ("pool", 3),
        *_conv(384),
        *_conv(256),
        *_conv(256),
    ],
    "vgg": _vgg(64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512),
}
TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}  # the ReLUs that LPIPS looks at, by number


def random_weights(sequence: Sequence[Layer], *, seed: int = 0) -> dict[str, np.ndarray]:
    """float16 `{number}.weight` (out, in, side, side) and `{number}.bias` that keep the size of their input."""
    rng, width_in, tensors = np.random.default_rng(seed), 3, {}
    for number, (kind, *shape) in enumerate(sequence):
        if kind == "conv":
            width, side = shape[:2]
            kernel = rng.standard_normal((width, width_in, side, side), np.float32)
            tensors[f"{number}.weight"] = (kernel * np.sqrt(2 / (width_in * side**2))).astype(np.float16)
            tensors[f"{number}.bias"] = (rng.standard_normal(width) / 10).astype(np.float16)
            width_in = width
    return tensors


def features(
    sequence: Sequence[Layer], taps: Sequence[int], weights: dict[str, np.ndarray], image: np.ndarray
) -> list[np.ndarray]:
    """The outputs (h, w, C) of the layers numbered `taps` for a normalised `image` (H, W, 3)."""
    x, outputs = image.astype(np.float64), []
    for number, (kind, *shape) in enumerate(sequence):
        if kind == "conv":
            _, side, stride, padding = shape
            x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(0, 1))[::stride, ::stride]
            kernel = weights[f"{number}.weight"].astype(np.float64)
            x = np.tensordot(windows, kernel, axes=((2, 3, 4), (1, 2, 3))) + weights[f"{number}.bias"]
        elif kind == "relu":
            x = np.maximum(x, 0.0)
        else:
            windows = np.lib.stride_tricks.sliding_window_view(x, (shape[0], shape[0]), axis=(0, 1))
            x = windows[::2, ::2].max(axis=(-2, -1))
        if number in taps:
            outputs.append(x)
    return outputs


def write_safetensors(path: pathlib.Path, tensors: dict[str, np.ndarray]) -> pathlib.Path:
    """Writes float16 tensors; returns the path."""
    header, end = {}, 0
    for name, value in tensors.items():
        begin, end = end, end + value.nbytes
        header[name] = {"dtype": "F16", "shape": value.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(v.tobytes() for v in tensors.values()))
    return path
