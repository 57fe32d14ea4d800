"""Distances of VGG features, pair by pair, and through real weights."""

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.perceptual_loss import feature_distance
from pegasus_jax.core.trunks import Block, Convolution
from pegasus_jax.evaluation.vgg_features import VggDistance
from tests.core import plain_trunk
from tests.evaluation.real_frames import two_frames


def test_pairs_are_measured_one_by_one_under_the_files_name(tmp_path):
    weights = plain_trunk.random_weights(plain_trunk.SEQUENCES["vgg"][:23])
    distance = VggDistance.load(plain_trunk.write_safetensors(tmp_path / "mine.safetensors", weights))
    assert distance.name == "mine" and len(distance.trunk) == 4
    narrow = VggDistance("narrow", (Block((Convolution(jnp.eye(3)[None, None], jnp.zeros(3), 1, 0),)),))
    images, targets = np.random.default_rng(0).random((2, 2, 24, 24, 3), np.float32)
    each = [float(feature_distance(narrow.trunk, images[i : i + 1], targets[i : i + 1])) for i in range(2)]
    assert each[0] != each[1] and narrow(images, targets) == pytest.approx(np.mean(each), rel=1e-5)


def test_blur_and_noise_are_as_far_as_they_were_measured(real_data):
    path = real_data / "assets" / "vgg16_edges.safetensors"
    if not path.is_file():
        pytest.skip(f"needs {path.name} in the folder assets of $PEGASUS_TEST_DATA")
    distance = VggDistance.load(path)
    assert distance.name == "vgg16_edges"
    frame = two_frames(real_data, size=(256, 256))[0][None]
    blurred = cv2.GaussianBlur(frame[0], (0, 0), 2)[None]
    noise = np.random.default_rng(0).normal(0, 0.05, frame.shape).astype(np.float32)
    assert distance(frame, frame) == 0.0
    assert distance(blurred, frame) == pytest.approx(3.94, rel=0.02)
    assert distance(frame + noise, frame) == pytest.approx(8.25, rel=0.02)
