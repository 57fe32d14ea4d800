"""LPIPS over many pairs, with a network of one convolution that is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core.trunks import Block, Convolution
from pegasus_jax.evaluation.lpips import Lpips
from pegasus_jax.evaluation.perceptual import mean_lpips
from pegasus_jax.evaluation.weights import NotComputed

SIDE = 32
COLOURS = Lpips((Block((Convolution(jnp.eye(3)[None, None], jnp.zeros(3), 1, 0),)),), (jnp.ones(3),))


@pytest.fixture
def pairs():
    return np.random.default_rng(0).random((2, 3, SIDE, SIDE, 3), np.float32)


def test_it_is_the_mean_over_pairs(pairs):
    each = [float(COLOURS(a, b)) for a, b in zip(*pairs)]
    assert len(set(each)) == 3
    assert mean_lpips(COLOURS, *pairs) == pytest.approx(np.mean(each), abs=1e-6)


def test_pairs_whose_mask_is_empty_are_left_out(pairs):
    masks = np.zeros((3, SIDE, SIDE), np.float32)
    masks[:2, 4:20, 8:30] = 1.0
    each = [float(COLOURS.masked(a, b, mask)) for a, b, mask in zip(*pairs, masks)][:2]
    assert mean_lpips(COLOURS, *pairs, masks=masks) == pytest.approx(np.mean(each), abs=1e-6)
    assert np.isnan(mean_lpips(COLOURS, *pairs, masks=np.zeros_like(masks)))


def test_without_weights_it_says_so(pairs):
    missing = NotComputed("a file")
    assert mean_lpips(missing, *pairs) is missing
