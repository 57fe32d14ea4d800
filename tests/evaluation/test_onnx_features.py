"""A tiny network on disk through OpenCV, against SciPy's correlation."""

import contextlib

import numpy as np
import pytest
from scipy.signal import correlate2d

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import onnx_process
from pegasus_jax.evaluation.onnx_features import OnnxFeatures, Preprocessing
from tests.evaluation.tiny_onnx import write_network

SIZE = (8, 10)


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return rng.standard_normal((5, 3, 3, 3)).astype(np.float32), rng.standard_normal(5).astype(np.float32)


@pytest.fixture
def network(weights, tmp_path):
    return write_network(tmp_path / "tiny.onnx", *weights, size=SIZE)


def expected_features(kernel, bias, planes) -> list[float]:
    """Mean over positions of ReLU(convolution) of `planes` (3, H, W)."""
    return [
        np.maximum(sum(correlate2d(p, k, mode="same") for p, k in zip(planes, out)) + b, 0).mean()
        for out, b in zip(kernel, bias)
    ]


@pytest.mark.parametrize("channels, order", [("rgb", (0, 1, 2)), ("bgr", (2, 1, 0))])
def test_features_are_those_of_the_normalised_picture(network, weights, channels, order):
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.5)
    features = OnnxFeatures(network, preprocessing=Preprocessing(SIZE, mean, std, channels))
    images = np.random.default_rng(1).random((3, *SIZE, 3), np.float32)
    normalised = (images.astype(np.float64)[..., order] - mean) / std
    expected = [expected_features(*weights, picture.transpose(2, 0, 1)) for picture in normalised]
    np.testing.assert_allclose(features(images), expected, atol=1e-5)


def test_larger_pictures_are_averaged_and_smaller_ones_interpolated():
    image = np.random.default_rng(1).random((16, 20, 3), np.float32)
    plain = Preprocessing(SIZE, mean=(0, 0, 0), std=(1, 1, 1))
    blocks = image.reshape(8, 2, 10, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(plain(image)[0], blocks.transpose(2, 0, 1), atol=1e-6)
    ramp = np.broadcast_to(np.linspace(0, 1, 5, dtype=np.float32)[None, :, None], (4, 5, 3))
    grown = plain(ramp)[0, 0, 0]
    np.testing.assert_allclose(grown[1:-1], (np.arange(1, 9) / 2 - 0.25) / 4, atol=1e-6)


def test_files_and_pictures_that_do_not_fit_are_refused(network, tmp_path):
    other = tmp_path / "notes.onnx"
    other.write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"notes\.onnx is not a network that OpenCV can read as ONNX"):
        OnnxFeatures(other, preprocessing=Preprocessing(SIZE))
    with pytest.raises(UserError, match=r"There is no file .*absent\.onnx"):
        OnnxFeatures(tmp_path / "absent.onnx", preprocessing=Preprocessing(SIZE))
    features = OnnxFeatures(network, preprocessing=Preprocessing(SIZE))
    for images in (np.zeros((8, 10, 3), np.float32), np.zeros((1, 8, 10, 3), np.uint8)):
        with pytest.raises(ValueError, match=r"images must be \(N, H, W, 3\) floats"):
            features(images)


def test_a_file_that_ends_the_process_that_reads_it_is_one_sentence(network, tmp_path, monkeypatch):
    """OpenCV of some versions dies of a flipped bit; a stand-in that dies for sure."""
    dying = tmp_path / "dying.py"
    dying.write_text("import os; os.abort()")
    monkeypatch.setattr(onnx_process, "__file__", str(dying))
    with pytest.raises(UserError, match=r"tiny\.onnx is not a network .*\(its process ended with status -6\)"):
        OnnxFeatures(network, preprocessing=Preprocessing(SIZE))


def test_no_flipped_bit_ends_this_process(network):
    whole, rng = network.read_bytes(), np.random.default_rng(0)
    image = np.zeros((1, *SIZE, 3), np.float32)
    for _ in range(12):
        content = bytearray(whole)
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        network.write_bytes(content)
        with contextlib.suppress(UserError):
            OnnxFeatures(network, preprocessing=Preprocessing(SIZE))(image)
