"""A network of one 3x3 convolution, ReLU and mean over positions as an ONNX file, written without the `onnx` package.

The messages and their field numbers are those of onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto, ...).
"""

import pathlib

import numpy as np

_FLOAT, _INTS = 1, 7  # TensorProto.DataType.FLOAT, AttributeProto.AttributeType.INTS


def _varint(value: int) -> bytes:
    parts = []
    while True:
        value, low = value >> 7, value & 127
        parts.append(low | (128 if value else 0))
        if not value:
            return bytes(parts)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_field(1, size) for size in values.shape)
    return dims + _field(2, _FLOAT) + _field(8, name) + _field(9, values.astype("<f4").tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, dims)))


def _node(kind: str, inputs: list[str], output: str, **ints: list[int]) -> bytes:
    attributes = b"".join(
        _field(5, _field(1, name) + b"".join(_field(8, value) for value in values) + _field(20, _INTS))
        for name, values in ints.items()
    )
    return b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind) + attributes


def write_network(path: pathlib.Path, kernel: np.ndarray, bias: np.ndarray, *, size: tuple[int, int]) -> pathlib.Path:
    """`kernel` (D, 3, 3, 3) in PyTorch's order and `bias` (D,), for pictures of `size`; returns the path."""
    nodes = [
        _node("Conv", ["image", "kernel", "bias"], "convolved", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        _node("Relu", ["convolved"], "positive"),
        _node("GlobalAveragePool", ["positive"], "features"),
    ]
    graph = (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, "tiny")
        + _field(5, _tensor("kernel", kernel))
        + _field(5, _tensor("bias", bias))
        + _field(11, _value("image", (1, 3, *size)))
        + _field(12, _value("features", (1, len(bias), 1, 1)))
    )
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
    return path
