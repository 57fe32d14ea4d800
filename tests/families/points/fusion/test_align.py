"""Bringing the source's part to where the target is."""

import numpy as np
import pytest

from pegasus_jax.families.points.fusion.align import align
from pegasus_jax.families.points.fusion.alignments import Alignments
from tests.families.points.fusion.avatars import write_avatars

# 10 degrees and 0.1 head units (25 mm)
BAD_START = np.concatenate([np.deg2rad(10.0) * np.array([0.6, 0.8, 0.0]), [0.06, -0.08, 0.0]]).astype(np.float32)


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    _, source, _ = write_avatars(tmp_path_factory.mktemp("align"))
    return source.canonical()


@pytest.fixture(scope="module")
def masks(baked):
    rng = np.random.default_rng(0)
    worn = rng.random(len(baked.points.x_fc)) < 0.02
    filler = ~worn & (rng.random(len(worn)) < 0.5)
    return {"filler": filler, "worn": worn, "removed": worn}


def test_it_comes_back_from_a_bad_start(baked, masks):
    found = align(baked, baked, baked.betas, start=BAD_START, **masks)
    assert found.before > 1e-3
    assert found.after < 0.02 * found.before
    np.testing.assert_allclose(found.motion, 0.0, atol=0.01)


def test_two_that_fit_stay(baked, masks):
    found = align(baked, baked, baked.betas, **masks)
    np.testing.assert_allclose(found.motion, 0.0, atol=1e-3)


def test_without_anything_to_fill_landmarks_decide(baked, masks):
    nothing = np.zeros_like(masks["filler"])
    found = align(baked, baked, baked.betas, filler=nothing, worn=nothing, removed=nothing, start=BAD_START)
    assert found.after < 0.02 * found.before


def test_one_motion_serves_every_code():
    motion = np.arange(6.0)
    one = Alignments(np.zeros((1, 4)), motion[None], np.ones(1), np.ones(1))
    for code in (np.zeros(4), np.ones(4)):
        np.testing.assert_array_equal(one.at(code), motion)


def test_between_looks_motions_are_mixed():
    codes, motions = np.array([[0.0, 0.0], [1.0, 0.0]]), np.stack([np.zeros(6), np.ones(6)])
    two = Alignments(codes, motions, np.ones(2), np.ones(2))
    for code, expected in (([0.0, 0.0], 0.0), ([1.0, 0.0], 1.0), ([0.5, 3.0], 0.5), ([0.25, 0.0], 0.1)):
        np.testing.assert_allclose(two.at(np.array(code)), expected, atol=1e-12)
