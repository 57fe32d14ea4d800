"""Oracle: the three published networks in float64, with exact derivatives (spec 1, 3.1 - 3.4).

Derivatives with respect to the input points come from forward-mode dual numbers: every quantity carries its three
tangents. Networks read a state of float64 arrays under the published torch names, weights as (out, in).
"""

from typing import NamedTuple

import numpy as np

State = dict[str, np.ndarray]

NUM_EXPRESSION, NUM_POSE_FEATURES = 50, 36
NUM_BASIS = 3 * NUM_POSE_FEATURES + 3 * NUM_EXPRESSION  # 108 + 150 outputs of the deformer hold P and E
SOFTPLUS_SLOPE, SOFTPLUS_THRESHOLD = 100.0, 20.0  # spec 1
SKINNING_GAIN, ALBEDO_GAIN = 20.0, 10.0  # spec 3.3, 3.2


# --- Dual numbers -----------------------------------------------------------------------------------------------------


class Dual(NamedTuple):
    """A per-point quantity and its derivative with respect to the three coordinates of the point."""

    value: np.ndarray  # (N, ...)
    tangent: np.ndarray  # (N, ..., 3)

    def reshape(self, *shape: int) -> "Dual":
        count = len(self.value)
        return Dual(self.value.reshape(count, *shape), self.tangent.reshape(count, *shape, 3))

    def columns(self, start: int | None, stop: int | None) -> "Dual":
        return Dual(self.value[:, start:stop], self.tangent[:, start:stop])

    def __add__(self, other: "Dual") -> "Dual":
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __sub__(self, other: "Dual") -> "Dual":
        return Dual(self.value - other.value, self.tangent - other.tangent)


def variable(points: np.ndarray) -> Dual:
    """The points themselves: unit tangents."""
    return Dual(points, np.broadcast_to(np.eye(3), (*points.shape, 3)))


def constant(value: np.ndarray) -> Dual:
    return Dual(value, np.zeros((*value.shape, 3)))


def concatenate(*parts: Dual) -> Dual:
    return Dual(np.concatenate([p.value for p in parts], axis=1), np.concatenate([p.tangent for p in parts], axis=1))


def chain(x: Dual, value: np.ndarray, derivative: np.ndarray) -> Dual:
    """The elementwise function with these values and derivatives at x.value."""
    return Dual(value, derivative[..., None] * x.tangent)


def contract(subscripts: str, x: Dual, other: np.ndarray) -> Dual:
    """einsum of x with a constant; `subscripts` is written for the value, the tangent axis `z` comes last."""
    inputs, output = subscripts.split("->")
    first, second = inputs.split(",")
    return Dual(
        np.einsum(subscripts, x.value, other),
        np.einsum(f"{first}z,{second}->{output}z", x.tangent, other, optimize=True),
    )


# --- Layers (spec 1, 3) -----------------------------------------------------------------------------------------------


def logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def softplus(x: Dual) -> Dual:
    """log(1 + e^{100 x}) / 100, and x itself beyond 100 x > 20 (spec 1)."""
    scaled = SOFTPLUS_SLOPE * x.value
    straight = scaled > SOFTPLUS_THRESHOLD
    exponential = np.exp(np.where(straight, 0.0, scaled))
    value = np.where(straight, x.value, np.log1p(exponential) / SOFTPLUS_SLOPE)
    return chain(x, value, np.where(straight, 1.0, exponential / (1.0 + exponential)))


def softmax(x: Dual) -> Dual:
    """Softmax over the last axis of (N, M)."""
    exponential = np.exp(x.value - x.value.max(axis=1, keepdims=True))
    value = exponential / exponential.sum(axis=1, keepdims=True)
    mean_tangent = np.einsum("nj,njz->nz", value, x.tangent)
    return Dual(value, value[..., None] * (x.tangent - mean_tangent[:, None, :]))


def positional_encoding(x: Dual, octaves: int) -> Dual:
    """[x, sin(x), cos(x), sin(2x), cos(2x), ...], no factor pi (spec 3.1)."""
    parts = [x]
    for octave in range(octaves):
        frequency = 2.0**octave
        angle = frequency * x.value
        parts.append(chain(x, np.sin(angle), frequency * np.cos(angle)))
        parts.append(chain(x, np.cos(angle), -frequency * np.sin(angle)))
    return concatenate(*parts)


def layer_weight(state: State, name: str) -> np.ndarray:
    """The (out, in) weight of a layer; a weight-normed row is g v / |v| (spec 3)."""
    if f"{name}.weight" in state:
        return state[f"{name}.weight"]
    direction = state[f"{name}.weight_v"]
    return state[f"{name}.weight_g"] * direction / np.sqrt((direction**2).sum(axis=1, keepdims=True))


def linear(state: State, name: str, x: Dual) -> Dual:
    weight, bias = layer_weight(state, name), state[f"{name}.bias"]
    return Dual(x.value @ weight.T + bias, np.einsum("niz,oi->noz", x.tangent, weight, optimize=True))


def with_latent(x: Dual, z: np.ndarray | None) -> Dual:
    """Appends the latent, the same for all points and held constant (spec 3.6)."""
    if z is None:
        return x
    return concatenate(x, constant(np.broadcast_to(z, (len(x.value), len(z)))))


# --- Networks (spec 3.2 - 3.4) ----------------------------------------------------------------------------------------


class Deformation(NamedTuple):
    """Output of the deformation network at one set of points."""

    offset_gc: Dual | None  # (N, 3) O^{gc->sc}, None without the gc branch
    offset_sc: Dual  # (N, 3) O^{sc->fc}
    pose_basis: Dual  # (N, 36, 3) P
    expression_basis: Dual  # (N, 3, 50) E
    weights: Dual  # (N, 6) W, ghost bone first


class Canonical(NamedTuple):
    """Output of the geometry network."""

    sdf: Dual  # (N,)
    albedo: np.ndarray  # (N, 3)
    seg_logit: np.ndarray | None  # (N,)


def deformer_trunk(state: State, x: Dual, z: np.ndarray | None) -> Dual:
    """[x, z] without positional encoding through four layers (spec 3.3)."""
    hidden = with_latent(x, z)
    for layer in range(4):
        hidden = softplus(linear(state, f"deformer_network.lin{layer}", hidden))
    return hidden


def deformer(state: State, x: Dual, z: np.ndarray | None) -> Deformation:
    """The deformation network (spec 3.3)."""
    hidden = deformer_trunk(state, x, z)
    basis = linear(state, "deformer_network.blendshapes", hidden)
    offset_gc = None
    if "deformer_network.cc.weight" in state:
        feature = basis.columns(NUM_BASIS, -3)
        offset_gc = linear(state, "deformer_network.cc", linear(state, "deformer_network.cc_linear", feature))
    skinning = softplus(linear(state, "deformer_network.skinning_linear", hidden))
    logits = linear(state, "deformer_network.skinning", skinning)
    return Deformation(
        offset_gc=offset_gc,
        offset_sc=basis.columns(-3, None),
        pose_basis=basis.columns(0, 3 * NUM_POSE_FEATURES).reshape(NUM_POSE_FEATURES, 3),
        expression_basis=basis.columns(3 * NUM_POSE_FEATURES, NUM_BASIS).reshape(3, NUM_EXPRESSION),
        weights=softmax(Dual(SKINNING_GAIN * logits.value, SKINNING_GAIN * logits.tangent)),
    )


def geometry_depth(state: State) -> int:
    """Number of hidden layers of the geometry network, nine as published; one more makes the output."""
    return sum(f"geometry_network.lin{layer}.bias" in state for layer in range(100)) - 1


def geometry_skip(state: State, depth: int) -> int | None:
    """The layer that sees the input again: the one after the hidden layer narrower than the others."""
    widths = [len(state[f"geometry_network.lin{layer}.bias"]) for layer in range(depth)]
    narrow = [layer for layer, width in enumerate(widths) if width < max(widths)]
    if len(narrow) > 1:
        raise ValueError(f"one hidden layer of the geometry network may be narrower than the others; got {widths}.")
    return narrow[0] + 1 if narrow else None


def geometry_input(state: State, x: Dual, z: np.ndarray | None) -> Dual:
    """[PE(x), z]; the number of octaves follows from the width of the first layer (spec 3.1, 3.2)."""
    width = state["geometry_network.lin0.weight_v"].shape[1]
    octaves, rest = divmod(width - 3 - (0 if z is None else len(z)), 6)
    if octaves < 0 or rest:
        raise ValueError(f"geometry input of {width} does not fit 3 + 6 octaves + latent {np.shape(z)}.")
    return with_latent(positional_encoding(x, octaves), z)


def geometry_trunk(state: State, x: Dual, z: np.ndarray | None, depth: int) -> Dual:
    """Output of the last hidden layer before its activation (spec 3.2)."""
    start = geometry_input(state, x, z)
    skip = geometry_skip(state, depth)
    hidden = pre_activation = start
    for layer in range(depth):
        if layer == skip:
            joined = concatenate(hidden, start)
            hidden = Dual(joined.value / np.sqrt(2.0), joined.tangent / np.sqrt(2.0))
        pre_activation = linear(state, f"geometry_network.lin{layer}", hidden)
        hidden = softplus(pre_activation)
    return pre_activation


def geometry(state: State, x: Dual, z: np.ndarray | None) -> Canonical:
    """The geometry network: SDF, albedo and segmentation logit (spec 3.2)."""
    depth = geometry_depth(state)
    pre_activation = geometry_trunk(state, x, z, depth)
    output = linear(state, f"geometry_network.lin{depth}", softplus(pre_activation))
    seg_logit = None
    if "geometry_network.lin_seg0.bias" in state:
        seg_logit = linear(state, "geometry_network.lin_seg0", pre_activation).value[:, 0]
    sdf = Dual(output.value[:, 0], output.tangent[:, 0])
    return Canonical(sdf=sdf, albedo=logistic(ALBEDO_GAIN * output.value[:, 1:4]), seg_logit=seg_logit)


def shading_trunk(state: State, normals: np.ndarray, z: np.ndarray | None) -> np.ndarray:
    """[n^d, z] through the two hidden layers (spec 3.4)."""
    hidden = with_latent(constant(normals), z)
    for layer in range(2):
        hidden = constant(np.maximum(linear(state, f"rendering_network.lin{layer}", hidden).value, 0.0))
    return hidden.value


def shading(state: State, normals: np.ndarray, z: np.ndarray | None) -> np.ndarray:
    """Shading (N, 3) from the deformed normals (spec 3.4)."""
    hidden = constant(shading_trunk(state, normals, z))
    return logistic(linear(state, "rendering_network.lin2", hidden).value)
