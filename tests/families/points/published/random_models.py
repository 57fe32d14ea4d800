"""Random checkpoints of the published models, small or full size, in which no branch is idle.

Values are float32-representable. Output layers are scaled by what they do on a probe, so that any width stays sane:
offsets of a few hundredths of a head unit, unsaturated colours, varied skinning weights, an SDF close to a sphere's.
"""

import numpy as np

from tests.families.points.published.latents import CATEGORIES, assemble_z
from tests.families.points.published.networks import (
    ALBEDO_GAIN,
    NUM_BASIS,
    NUM_EXPRESSION,
    NUM_POSE_FEATURES,
    SKINNING_GAIN,
    Dual,
    State,
    constant,
    deformer_trunk,
    geometry_trunk,
    linear,
    shading_trunk,
    softplus,
    variable,
)
from tests.families.points.published.posing import NUM_SHAPE, Head

NUM_PROBES = 128
SKIP_LAYER = 4  # spec 3.2


def to_float32(value: np.ndarray) -> np.ndarray:
    return np.asarray(value, dtype=np.float32).astype(np.float64)


def random_directions(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_z(rng: np.random.Generator, latent_size: int) -> np.ndarray | None:
    """A latent with the published layout where the size allows one, else plain normal numbers; None for size 0."""
    if latent_size == 0:
        return None
    slot, rest = divmod(latent_size, len(CATEGORIES))
    code = slot - len(CATEGORIES)
    if rest or code < 1:
        return to_float32(rng.normal(0.0, 0.25, latent_size))
    return to_float32(assemble_z(rng.normal(0.0, 0.25, (1, code)), rng.normal(0.0, 0.25, (8, code))))


def random_head(rng: np.random.Generator, num_vertices: int) -> Head:
    """A head with valid skinning weights and joint regressor, and small bases."""
    return Head(
        shapedirs=to_float32(rng.normal(0.0, 0.006, (num_vertices, 3, NUM_SHAPE))),
        exprdirs=to_float32(rng.normal(0.0, 0.006, (num_vertices, 3, NUM_EXPRESSION))),
        posedirs=to_float32(rng.normal(0.0, 0.03, (NUM_POSE_FEATURES, num_vertices, 3))),
        J_regressor=to_float32(rng.dirichlet(np.full(num_vertices, 0.1), 5)),  # few vertices each: joints lie apart
        lbs_weights=to_float32(rng.dirichlet(np.ones(5), num_vertices)),
    )


def store_plain(state: State, name: str, weight: np.ndarray, bias: np.ndarray) -> None:
    state[f"{name}.weight"], state[f"{name}.bias"] = to_float32(weight), to_float32(bias)


def store_normed(rng: np.random.Generator, state: State, name: str, weight: np.ndarray, bias: np.ndarray) -> None:
    """Weight norm: g holds the length of the row, v any length, so that a missing normalisation shows."""
    state[f"{name}.weight_g"] = to_float32(np.sqrt((weight**2).sum(axis=1, keepdims=True)))
    state[f"{name}.weight_v"] = to_float32(weight * rng.uniform(0.5, 2.0, (len(weight), 1)))
    state[f"{name}.bias"] = to_float32(bias)


def random_layer(
    rng: np.random.Generator, state: State, name: str, out_size: int, column_std: np.ndarray, bias_std: float
) -> None:
    """A weight-normed layer whose columns have these standard deviations."""
    weight = rng.normal(size=(out_size, len(column_std))) * column_std
    store_normed(rng, state, name, weight, rng.normal(0.0, bias_std, out_size))


def fitted_layer(rng: np.random.Generator, inputs: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Random weight and bias whose outputs over `inputs` (M, in) have about zero mean and this spread (out,)."""
    weight = rng.normal(size=(len(spread), inputs.shape[1]))
    weight *= (spread / (inputs @ weight.T).std(axis=0))[:, None]
    return weight, 0.3 * spread * rng.normal(size=len(spread)) - (inputs @ weight.T).mean(axis=0)


def latent_std(z: np.ndarray | None, contribution: float) -> np.ndarray:
    """Standard deviation of the latent's columns that makes it contribute this much to a unit."""
    return np.zeros(0) if z is None else np.full(len(z), contribution / np.sqrt((z**2).sum()))


def random_deformer(
    rng: np.random.Generator, state: State, points: np.ndarray, z: np.ndarray | None, width: int, gc: bool
) -> None:
    network = "deformer_network"
    hidden_std = np.full(width, np.sqrt(2.0 / width))
    for layer in range(4):
        columns = np.concatenate([np.full(3, 2.0), latent_std(z, 0.5)]) if layer == 0 else hidden_std
        random_layer(rng, state, f"{network}.lin{layer}", width, columns, 0.1)
    hidden = deformer_trunk(state, variable(points), z).value
    feature = np.full(width if gc else 0, 1.0)
    spread = np.concatenate([np.full(108, 0.02), np.full(150, 0.003), feature, np.full(3, 0.015)])
    store_plain(state, f"{network}.blendshapes", *fitted_layer(rng, hidden, spread))
    if gc:
        inputs = linear(state, f"{network}.blendshapes", constant(hidden)).value[:, NUM_BASIS:-3]
        store_plain(state, f"{network}.cc_linear", *fitted_layer(rng, inputs, np.ones(width)))
        inputs = linear(state, f"{network}.cc_linear", constant(inputs)).value
        store_plain(state, f"{network}.cc", *fitted_layer(rng, inputs, np.full(3, 0.02)))
    random_layer(rng, state, f"{network}.skinning_linear", width, hidden_std, 0.1)
    inputs = softplus(linear(state, f"{network}.skinning_linear", constant(hidden))).value
    store_plain(state, f"{network}.skinning", *fitted_layer(rng, inputs, np.full(6, 0.6 / SKINNING_GAIN)))


def random_geometry(
    rng: np.random.Generator,
    state: State,
    points: np.ndarray,
    z: np.ndarray | None,
    *,
    width: int,
    depth: int,
    octaves: int,
    seg: bool,
) -> None:
    """Close to the published initial state, a sphere, with every column of every layer in use."""
    network = "geometry_network"
    rows_std = np.sqrt(2.0 / width)
    by_octave = np.repeat(0.15 / 2.0 ** np.arange(octaves), 6)
    input_std = np.concatenate([np.ones(3), by_octave, latent_std(z, 0.15)]) * rows_std
    narrow = width - len(input_std)
    if narrow < 1:
        raise ValueError(f"geometry_width must exceed the input of {len(input_std)}; got {width}.")
    if depth <= SKIP_LAYER:
        raise ValueError(f"geometry_depth must exceed {SKIP_LAYER}, the skip layer; got {depth}.")
    hidden_std = np.full(width, rows_std)
    columns = {
        0: input_std,
        SKIP_LAYER - 1: np.full(width, np.sqrt(2.0 / narrow)),
        SKIP_LAYER: np.concatenate([hidden_std[:narrow], input_std]),
    }
    for layer in range(depth):
        out_size = narrow if layer == SKIP_LAYER - 1 else width
        bias_std = 0.1 / np.sqrt(width)
        random_layer(rng, state, f"{network}.lin{layer}", out_size, columns.get(layer, hidden_std), bias_std)
    pre_activation = geometry_trunk(state, variable(points), z, depth)
    hidden = softplus(pre_activation)
    sdf_weight = rng.normal(1.0, 0.3, (1, width))
    sdf = Dual(hidden.value @ sdf_weight.T, np.einsum("oi,niz->noz", sdf_weight, hidden.tangent))
    gradient_norm = np.sqrt((sdf.tangent[:, 0] ** 2).sum(axis=1)).mean()
    sdf_bias = 0.01 - sdf.value.mean(axis=0) / gradient_norm
    albedo_weight, albedo_bias = fitted_layer(rng, hidden.value, np.full(3, 1.0 / ALBEDO_GAIN))
    weight = np.concatenate([sdf_weight / gradient_norm, albedo_weight])
    store_normed(rng, state, f"{network}.lin{depth}", weight, np.concatenate([sdf_bias, albedo_bias]))
    if seg:
        layer = fitted_layer(rng, pre_activation.value, np.full(1, 1.5))
        store_normed(rng, state, f"{network}.lin_seg0", *layer)


def random_shading(
    rng: np.random.Generator, state: State, normals: np.ndarray, z: np.ndarray | None, width: int
) -> None:
    network = "rendering_network"
    random_layer(rng, state, f"{network}.lin0", width, np.concatenate([np.ones(3), latent_std(z, 0.5)]), 0.1)
    random_layer(rng, state, f"{network}.lin1", width, np.full(width, np.sqrt(2.0 / width)), 0.1)
    store_normed(rng, state, f"{network}.lin2", *fitted_layer(rng, shading_trunk(state, normals, z), np.ones(3)))


def head_buffers(head: Head) -> State:
    """A head in the layouts of the published model's buffers (spec 2.1)."""
    return {
        "shapedirs": np.concatenate([head.shapedirs, head.exprdirs], axis=2),
        "posedirs": head.posedirs.reshape(NUM_POSE_FEATURES, -1),
        "J_regressor": head.J_regressor,
        "lbs_weights": head.lbs_weights,
    }


def random_state(
    rng: np.random.Generator,
    *,
    num_points: int,
    num_vertices: int,
    latent_size: int = 0,
    gc: bool = False,
    seg: bool = False,
    deformer_width: int,
    geometry_width: int,
    geometry_depth: int = 9,
    shading_width: int,
    octaves: int = 6,
    head: Head | None = None,
) -> State:
    """A checkpoint in which no branch is idle. `latent_size` 0 makes a PointAvatar."""
    z = random_z(rng, latent_size)
    directions = random_directions(rng, NUM_PROBES)
    probes = 0.5 * directions
    shell = random_directions(rng, num_points) * rng.uniform(0.45, 0.55, (num_points, 1))
    state = {"pc.points": to_float32(shell)}
    random_deformer(rng, state, probes, z, deformer_width, gc)
    random_geometry(rng, state, probes, z, width=geometry_width, depth=geometry_depth, octaves=octaves, seg=seg)
    random_shading(rng, state, directions, z, shading_width)
    buffers = {"v_template": to_float32(0.5 * random_directions(rng, num_vertices))}
    if head is not None:
        buffers |= head_buffers(head)
    for prefix in ("FLAMEServer", "deformer_network.FLAMEServer"):
        state |= {f"{prefix}.{name}": np.array(value) for name, value in buffers.items()}
    return state
