"""Re-tracking: a known offset of the drive is found again in the pictures."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.core import metrics
from pegasus_jax.core.motion import Motion
from pegasus_jax.data.frames import Batch
from pegasus_jax.inference.track import TrackConfig, track
from tests.evaluation.avatars import baked_avatar

GLOBAL_YAW, NECK_YAW = 1, 4
SHIFT = 0.04  # head units
TURN = 0.1  # radians
SHIFTED, TURNED = np.array([0, 1]), np.array([2])  # frames
CONFIG = TrackConfig(steps=40, window=3, smoothness=0.0)


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """Avatar, the true drive of three frames, the pictures of it with a drive that is off, and what is found."""
    baked, drive, _ = baked_avatar(tmp_path_factory.mktemp("track"))
    truth = jax.tree.map(lambda array: array[:3], drive)
    moved = truth.cameras.T_camera_world.at[SHIFTED, 0, 3].add(SHIFT)
    cameras = dataclasses.replace(truth.cameras, T_camera_world=moved)
    params = dataclasses.replace(truth.params, pose=truth.params.pose.at[TURNED, NECK_YAW].add(TURN))
    off = _frames(baked, truth, Motion(params, cameras))
    return baked, truth, off, track(baked, off, config=CONFIG)


def _frames(baked, truth: Motion, drive: Motion) -> Batch:
    """Pictures of the truth, said to be driven by `drive`."""
    out = baked.render(truth.params, truth.cameras)
    alpha = np.asarray(out.alpha)[..., None]
    image = 1.0 - (1.0 - np.asarray(out.image)) / np.maximum(alpha, 1e-3)
    count = len(truth)
    as_bytes = lambda array: np.round(255.0 * np.clip(array, 0.0, 1.0)).astype(np.uint8)  # noqa: E731
    blank = np.zeros(alpha.shape[:3], np.uint8)
    return Batch(
        image=as_bytes(image),
        matte=as_bytes(alpha[..., 0]),
        seg=blank,
        emphasis=blank,
        betas=np.asarray(drive.params.betas),
        expression=np.asarray(drive.params.expression),
        pose=np.asarray(drive.params.pose),
        T_camera_world=np.asarray(drive.cameras.T_camera_world),
        intrinsics=np.asarray(drive.cameras.intrinsics),
        frame=np.arange(count, dtype=np.int32),
        look=np.zeros(count, np.int32),
    )


def _psnr(baked, drive: Motion, frames: Batch) -> float:
    image = baked.render(drive.params, drive.cameras).image
    return float(jnp.mean(jax.vmap(metrics.psnr)(image, frames.over_white())))


def test_the_picture_comes_back_by_more_than_three_decibels(problem):
    baked, _, off, found = problem
    assert _psnr(baked, found, off) > _psnr(baked, off.motion, off) + 3.0


def test_translation_and_pose_go_back_towards_the_truth(problem):
    baked, truth, off, _ = problem
    # The random head's expressions can imitate any motion, so they are held.
    found = track(baked, off, config=dataclasses.replace(CONFIG, expression_std=1e-3, steps=60))
    shift = np.asarray(found.cameras.T_camera_world - truth.cameras.T_camera_world)[SHIFTED, 0, 3]
    assert (np.abs(shift) < 0.2 * SHIFT).all()
    error = np.asarray(found.params.pose - truth.params.pose)[TURNED]
    assert (np.abs(error[:, GLOBAL_YAW] + error[:, NECK_YAW]) < 0.2 * TURN).all(), "either may carry the turn"
    np.testing.assert_array_equal(found.cameras.T_camera_world[..., :3], off.T_camera_world[..., :3])
    np.testing.assert_array_equal(found.cameras.intrinsics, off.intrinsics)


def test_a_clip_of_several_windows_has_a_motion_of_its_own_length(problem):
    baked, _, off, _ = problem
    config = dataclasses.replace(CONFIG, window=2, steps=20)
    found = track(baked, off, config=config)
    assert len(found) == 3
    assert _psnr(baked, found, off) > _psnr(baked, off.motion, off) + 1.0


def test_smoothness_holds_the_corrections_of_neighbours_together(problem):
    baked, _, off, _ = problem
    config = dataclasses.replace(CONFIG, window=2, steps=10)

    def spread(smoothness):
        found = track(baked, off, config=dataclasses.replace(config, smoothness=smoothness))
        return np.ptp(np.asarray(found.params.pose) - off.pose, axis=0).max()

    assert spread(1e3) < 0.3 * spread(0.0)


def test_a_strong_prior_holds_the_drive_where_it_was_tracked(problem):
    baked, _, off, _ = problem
    held = track(baked, off, config=dataclasses.replace(CONFIG, prior=1e6, steps=5))
    np.testing.assert_allclose(held.params.pose, off.pose, atol=0.01)
