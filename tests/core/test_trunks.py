"""A trunk from a file of torchvision's layout, against plain NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core import trunks
from pegasus_jax.errors import UserError
from tests.core import plain_trunk


@pytest.mark.parametrize("prefix", ["features.", ""], ids=["whole_model", "trunk"])
def test_alexnet_s_features_are_those_of_its_file(prefix, tmp_path):
    """VGG16's are compared under LPIPS and, narrow, under the training loss."""
    weights = plain_trunk.random_weights(plain_trunk.SEQUENCES["alex"])
    named = {prefix + name: value for name, value in weights.items()}
    trunk = trunks.load_trunk(plain_trunk.write_safetensors(tmp_path / "trunk.safetensors", named), net="alex")
    images = np.random.default_rng(1).standard_normal((2, 36, 33, 3)).astype(np.float32)
    outputs = jax.jit(trunks.features)(trunk, jnp.asarray(images))
    for row, image in enumerate(images):
        expected = plain_trunk.features(plain_trunk.SEQUENCES["alex"], plain_trunk.TAPS["alex"], weights, image)
        for output, layer in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(output[row], layer, atol=2e-5 * np.abs(layer).max())


def test_a_trunk_may_end_early(tmp_path):
    weights = plain_trunk.random_weights(plain_trunk.SEQUENCES["alex"][:8])
    path = plain_trunk.write_safetensors(tmp_path / "trunk.safetensors", weights)
    trunk = trunks.load_trunk(path, net="alex", blocks=3)
    assert [block.pool for block in trunk] == [0, 3, 3]
    assert trunk[2].convolutions[0].kernel.shape == (3, 3, 192, 384)
    with pytest.raises(UserError, match=r"has no tensor 8\.weight; give torchvision's AlexNet: alexnet-owt-7be5be79"):
        trunks.load_trunk(path, net="alex")


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path):
    tensors = {"0.weight": np.zeros((64, 3, 3, 3), np.float16), "0.bias": np.zeros(32, np.float16)}
    path = plain_trunk.write_safetensors(tmp_path / "vgg16.safetensors", tensors)
    with pytest.raises(UserError, match=r"has 0\.bias of shape \(32,\) instead of \(64,\); .*vgg16-397923af\.pth"):
        trunks.load_trunk(path, net="vgg")
