"""L_vgg against written-out formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.perceptual_loss import feature_distance, vgg16_input, vgg_loss
from pegasus_jax.core.trunks import Block, Convolution
from pegasus_jax.errors import UserError
from tests.core import plain_trunk

NARROW = [("conv", 4, 3, 1, 1), ("relu",), ("pool", 2), ("conv", 6, 3, 1, 1), ("relu",)]  # two blocks
WEIGHTS = plain_trunk.random_weights(NARROW)


def narrow_trunk() -> tuple[Block, ...]:
    def block(number: int, pool: int) -> Block:
        kernel, bias = (jnp.asarray(WEIGHTS[f"{number}.{kind}"], jnp.float32) for kind in ("weight", "bias"))
        return Block((Convolution(kernel.transpose(2, 3, 1, 0), bias),), pool)

    return block(0, 0), block(3, 2)


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


@pytest.mark.parametrize("size", [(7, 10), (224, 224), (512, 300)], ids=["enlarged", "same", "reduced"])
def test_the_input_is_resized_bilinearly_without_antialiasing(size):
    images = pictures((2, *size, 3))
    resized = vgg16_input(jnp.asarray(images))
    for index, image in enumerate(images):
        np.testing.assert_allclose(resized[index], expected_input(image), atol=5e-4)  # seen: 1.5e-4, float32 positions


def test_the_loss_sums_the_blocks_mean_distances():
    trunk = narrow_trunk()
    prediction, target = pictures((1, 40, 40, 3), 2), pictures((1, 40, 40, 3), 3)
    a, b = (plain_trunk.features(NARROW, (1, 4), WEIGHTS, expected_input(image[0])) for image in (prediction, target))
    expected = sum(np.mean(np.abs(x - y)) for x, y in zip(a, b))
    assert jax.jit(feature_distance)(trunk, prediction, target) == pytest.approx(expected, rel=1e-5)


def test_equal_pictures_have_no_distance_and_a_finite_gradient():
    image = jnp.asarray(pictures((1, 32, 32, 3)))
    value, gradient = jax.jit(jax.value_and_grad(feature_distance, argnums=1))(narrow_trunk(), image, image)
    assert value == 0.0
    assert jnp.all(jnp.isfinite(gradient))


def test_the_gradient_is_the_slope_and_stops_at_the_target():
    trunk = narrow_trunk()
    prediction, target = (jnp.asarray(pictures((1, 24, 24, 3), seed)) for seed in (2, 3))
    to_prediction, to_target = jax.jit(jax.grad(feature_distance, argnums=(1, 2)))(trunk, prediction, target)
    direction, distance = jnp.sign(to_prediction), jax.jit(feature_distance)
    ahead, behind = (distance(trunk, prediction + step * direction, target) for step in (1e-3, -1e-3))
    slope = float(ahead - behind) / 2e-3
    assert float(jnp.sum(to_prediction * direction)) == pytest.approx(slope, rel=0.01)
    assert slope > 0.0
    assert not jnp.any(to_target)


def test_the_file_is_read_up_to_the_fourth_block(tmp_path):
    weights = plain_trunk.random_weights(plain_trunk.SEQUENCES["vgg"][:23])
    loss = vgg_loss(plain_trunk.write_safetensors(tmp_path / "vgg16.safetensors", weights))
    image = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
    assert jax.eval_shape(loss, image, image).shape == ()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"There is no file .*vgg16\.pth"):
        vgg_loss(tmp_path / "vgg16.pth")


def test_pictures_of_different_shapes_are_refused():
    with pytest.raises(AssertionError, match="shape"):
        feature_distance(narrow_trunk(), jnp.zeros((1, 8, 8, 3)), jnp.zeros((8, 8, 3)))
