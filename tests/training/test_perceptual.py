"""VGG16's trunk and L_vgg against SciPy's correlation and written-out formulas in float64."""

import itertools
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate2d

from pegasus_jax.errors import UserError
from pegasus_jax.training.perceptual import (
    Convolution,
    feature_distance,
    load_vgg16,
    vgg16_features,
    vgg16_input,
    vgg_loss,
)

NARROW = ((3, 4, 5), (5, 6), (6, 4))  # widths: two convolutions, then one, then one
VGG16_SHAPES = {
    f"{layer}.weight": (width, width_in, 3, 3)
    for layer, width_in, width in (
        (0, 3, 64),
        (2, 64, 64),
        (5, 64, 128),
        (7, 128, 128),
        (10, 128, 256),
        (12, 256, 256),
        (14, 256, 256),
        (17, 256, 512),
        (19, 512, 512),
        (21, 512, 512),
    )
}
VGG16_SHAPES |= {name.replace("weight", "bias"): shape[:1] for name, shape in VGG16_SHAPES.items()}


def narrow_params(seed: int = 0) -> tuple[tuple[Convolution, ...], ...]:
    rng = np.random.default_rng(seed)

    def convolution(width_in: int, width: int) -> Convolution:
        kernel = rng.normal(size=(3, 3, width_in, width)) / np.sqrt(4.5 * width_in)
        return Convolution(jnp.asarray(kernel, jnp.float32), jnp.asarray(rng.normal(size=width) / 4, jnp.float32))

    return tuple(tuple(convolution(a, b) for a, b in itertools.pairwise(widths)) for widths in NARROW)


def expected_features(params, image: np.ndarray) -> list[np.ndarray]:
    """The trunk on one (H, W, 3) image, plane by plane."""
    features, planes = [], [image[..., c] for c in range(image.shape[-1])]
    for index, block in enumerate(params):
        if index:
            planes = [np.maximum.reduce([p[i::2, j::2] for i in (0, 1) for j in (0, 1)]) for p in planes]
        for kernel, bias in block:
            kernel, bias = np.asarray(kernel, np.float64), np.asarray(bias, np.float64)
            sums = [
                sum(correlate2d(p, kernel[:, :, i, o], mode="same") for i, p in enumerate(planes))
                for o in range(kernel.shape[3])
            ]
            planes = [np.maximum(s + b, 0.0) for s, b in zip(sums, bias)]
        features.append(np.stack(planes, axis=-1))
    return features


def expected_input(image: np.ndarray) -> np.ndarray:
    """Pixel i of the result looks at (i + 0.5) size / 224 - 0.5, held inside the picture."""

    def taps(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        position = np.clip((np.arange(224) + 0.5) * size / 224 - 0.5, 0.0, size - 1.0)
        low = np.floor(position).astype(int)
        return low, np.minimum(low + 1, size - 1), position - low

    image = (image.astype(np.float64) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    low, high, part = taps(image.shape[0])
    rows = image[low] * (1 - part)[:, None, None] + image[high] * part[:, None, None]
    low, high, part = taps(image.shape[1])
    return rows[:, low] * (1 - part)[None, :, None] + rows[:, high] * part[None, :, None]


def pictures(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def test_features_match_scipy_block_by_block():
    params, images = narrow_params(), pictures((2, 12, 8, 3))
    features = vgg16_features(params, jnp.asarray(images))
    assert [f.shape for f in features] == [(2, 12, 8, 5), (2, 6, 4, 6), (2, 3, 2, 4)]
    for index, image in enumerate(images.astype(np.float64)):
        for block, expected in zip(features, expected_features(params, image)):
            np.testing.assert_allclose(block[index], expected, atol=2e-6)


@pytest.mark.parametrize("size", [(7, 10), (224, 224), (512, 300)], ids=["enlarged", "same", "reduced"])
def test_the_input_is_resized_bilinearly_without_antialiasing(size):
    images = pictures((2, *size, 3))
    resized = vgg16_input(jnp.asarray(images))
    for index, image in enumerate(images):
        np.testing.assert_allclose(resized[index], expected_input(image), atol=5e-4)  # seen: 1.5e-4, float32 positions


def test_the_loss_sums_the_blocks_mean_distances():
    params = narrow_params()
    prediction, target = pictures((1, 40, 40, 3), 2), pictures((1, 40, 40, 3), 3)
    a, b = (expected_features(params, expected_input(image[0])) for image in (prediction, target))
    expected = sum(np.mean(np.abs(x - y)) for x, y in zip(a, b))
    assert jax.jit(feature_distance)(params, prediction, target) == pytest.approx(expected, rel=1e-5)


def test_equal_pictures_have_no_distance_and_a_finite_gradient():
    image = jnp.asarray(pictures((1, 32, 32, 3)))
    value, gradient = jax.jit(jax.value_and_grad(feature_distance, argnums=1))(narrow_params(), image, image)
    assert value == 0.0
    assert jnp.all(jnp.isfinite(gradient))


def test_the_gradient_is_the_slope_and_stops_at_the_target():
    params = narrow_params()
    prediction, target = (jnp.asarray(pictures((1, 24, 24, 3), seed)) for seed in (2, 3))
    to_prediction, to_target = jax.jit(jax.grad(feature_distance, argnums=(1, 2)))(params, prediction, target)
    direction, distance = jnp.sign(to_prediction), jax.jit(feature_distance)
    ahead, behind = (distance(params, prediction + step * direction, target) for step in (1e-3, -1e-3))
    slope = float(ahead - behind) / 2e-3
    assert float(jnp.sum(to_prediction * direction)) == pytest.approx(slope, rel=0.01)
    assert slope > 0.0
    assert not jnp.any(to_target)


def write_safetensors(path: pathlib.Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Random float16 tensors of these shapes, which are returned."""
    rng = np.random.default_rng(0)
    tensors = {name: (rng.random(shape, np.float32) - 0.5).astype(np.float16) for name, shape in shapes.items()}
    header, end = {}, 0
    for name, value in tensors.items():
        begin, end = end, end + value.nbytes
        header[name] = {"dtype": "F16", "shape": value.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(v.tobytes() for v in tensors.values()))
    return tensors


@pytest.mark.parametrize("prefix", ["features.", ""], ids=["whole_model", "trunk"])
def test_torchvision_weights_become_the_four_blocks(prefix, tmp_path):
    path = tmp_path / "vgg16.safetensors"
    tensors = write_safetensors(path, {prefix + name: shape for name, shape in VGG16_SHAPES.items()})
    blocks = load_vgg16(path)
    assert [[c.kernel.shape[2:] for c in block] for block in blocks] == [
        [(3, 64), (64, 64)],
        [(64, 128), (128, 128)],
        [(128, 256), (256, 256), (256, 256)],
        [(256, 512), (512, 512), (512, 512)],
    ]
    layers = [convolution for block in blocks for convolution in block]
    for layer, index in zip(layers, (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)):
        weight, bias = (tensors[f"{prefix}{index}.{kind}"] for kind in ("weight", "bias"))
        assert layer.kernel.dtype == layer.bias.dtype == jnp.float32
        assert layer.kernel[2, 0, 1, 5] == weight[5, 1, 2, 0]
        assert jnp.sum(layer.kernel) == pytest.approx(float(np.sum(weight, dtype=np.float64)), abs=0.05)
        np.testing.assert_array_equal(layer.bias, bias)
    image = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
    assert jax.eval_shape(vgg_loss(path), image, image).shape == ()


def test_a_missing_tensor_is_named_with_where_to_get_it(tmp_path):
    path = tmp_path / "vgg16.safetensors"
    write_safetensors(path, {"features.0.weight": (64, 3, 3, 3)})
    with pytest.raises(UserError, match=r"has no tensor features\.0\.bias; .*vgg16-397923af\.pth"):
        vgg_loss(path)


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path):
    path = tmp_path / "vgg16.safetensors"
    write_safetensors(path, {"0.weight": (64, 3, 3, 3), "0.bias": (32,)})
    with pytest.raises(UserError, match=r"has 0\.bias of shape \(32,\) instead of \(64,\); .*vgg16-397923af\.pth"):
        vgg_loss(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no file .*vgg16\.pth"):
        vgg_loss(tmp_path / "vgg16.pth")


def test_pictures_of_different_shapes_are_refused():
    with pytest.raises(AssertionError, match="shape"):
        feature_distance(narrow_params(), jnp.zeros((1, 8, 8, 3)), jnp.zeros((8, 8, 3)))
