"""Refinement: a known offset of the drive is found again in the picture, one frame at a time."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core import metrics
from pegasus_jax.core.motion import Motion
from pegasus_jax.evaluation.refine import RefineConfig, refine
from tests.evaluation.avatars import baked_avatar

GLOBAL_YAW, NECK_YAW = 1, 4
SHIFT = 0.04  # head units
TURN = 0.1  # radians
SHIFTED, TURNED = np.array([0, 1]), np.array([2])  # frames
CONFIG = RefineConfig(steps=60)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """Avatar, the true drive of three frames, a drive that is off, and the pictures of the true one."""
    baked, drive, _ = baked_avatar(tmp_path_factory.mktemp("refine"))
    truth = jax.tree.map(lambda array: array[:3], drive)
    cameras = truth.cameras
    moved = dataclasses.replace(cameras, T_camera_world=cameras.T_camera_world.at[SHIFTED, 0, 3].add(SHIFT))
    params = dataclasses.replace(truth.params, pose=truth.params.pose.at[TURNED, NECK_YAW].add(TURN))
    off = Motion(params, moved)
    return baked, truth, off, render(baked, truth), refined(baked, off, render(baked, truth))


def render(baked, drive):
    return baked.render(drive.params, drive.cameras)


def refined(baked, drive, target):
    return refine(baked, drive, target.image, target.alpha, config=CONFIG)


def mean_psnr(baked, drive, target) -> float:
    return float(jnp.mean(jax.vmap(metrics.psnr)(render(baked, drive).image, target.image)))


def test_the_picture_comes_back_by_more_than_three_decibels(problem):
    baked, _, off, target, found = problem
    before, after = mean_psnr(baked, off, target), mean_psnr(baked, found, target)
    assert after > before + 3.0
    l1 = [float(jnp.abs(render(baked, drive).image - target.image).mean()) for drive in (off, found)]
    assert l1[1] < 0.7 * l1[0]


def test_translation_and_pose_go_back_towards_the_truth(problem):
    baked, truth, off, target, _ = problem
    # The random head's expressions can imitate any motion, so they are held.
    config = dataclasses.replace(CONFIG, expression_std=1e-3, steps=100)
    found = refine(baked, off, target.image, target.alpha, config=config)
    shift = np.asarray(found.cameras.T_camera_world - truth.cameras.T_camera_world)[SHIFTED, 0, 3]
    assert (np.abs(shift) < 0.2 * SHIFT).all()
    error = np.asarray(found.params.pose - truth.params.pose)[TURNED]
    assert (np.abs(error[:, GLOBAL_YAW] + error[:, NECK_YAW]) < 0.2 * TURN).all(), "either may carry the turn"
    np.testing.assert_array_equal(found.cameras.T_camera_world[..., :3], off.cameras.T_camera_world[..., :3])
    np.testing.assert_array_equal(found.cameras.intrinsics, off.cameras.intrinsics)


def test_a_frame_is_fitted_alone_whatever_the_batch(problem):
    baked, _, off, target, _ = problem
    row = np.array([2])
    # Few steps: Adam magnifies rounding from step to step.
    few = dataclasses.replace(CONFIG, steps=8)
    found = refine(baked, off, target.image, target.alpha, config=few)
    one = jax.tree.map(lambda array: array[row], off)
    alone = refine(baked, one, target.image[row], target.alpha[row], config=few)
    for name, std in (("pose", few.pose_std), ("expression", few.expression_std)):
        moved = np.abs(getattr(found.params, name)[2] - getattr(off.params, name)[2])
        assert moved.max() > 0.2 * std
        np.testing.assert_allclose(
            getattr(alone.params, name)[0], getattr(found.params, name)[2], atol=min(2e-3, 0.02 * std)
        )
    both = jax.tree.map(lambda array: array[row], found)
    psnr_alone, psnr_found = (
        metrics.psnr(render(baked, drive).image[0], target.image[row[0]]) for drive in (alone, both)
    )
    assert float(psnr_alone) == pytest.approx(float(psnr_found), abs=0.3)


def test_a_strong_prior_holds_the_drive_where_it_was_tracked(problem):
    baked, _, off, target, _ = problem
    held = refine(baked, off, target.image, target.alpha, config=dataclasses.replace(CONFIG, prior=1e6, steps=5))
    np.testing.assert_allclose(held.params.pose, off.params.pose, atol=0.01)
