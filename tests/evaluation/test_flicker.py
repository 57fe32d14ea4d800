"""Trembling that is known: noise on top of a clip, and landmarks that are shaken."""

import numpy as np
import pytest

from pegasus_jax.capture import FaceDetections
from pegasus_jax.evaluation.flicker import flicker_ratio, landmark_jitter, shoulder_masks

FRAMES, SIDE = 12, 16
EVERYWHERE = np.ones((FRAMES, SIDE, SIDE), bool)


def noise(deviation: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, deviation, (FRAMES, SIDE, SIDE, 3))


def faces(landmarks: np.ndarray, *, found=True) -> FaceDetections:
    count = len(landmarks)
    counts = np.broadcast_to(found, count).astype(int)
    landmarks = np.where(counts[:, None, None] > 0, landmarks, np.nan)
    return FaceDetections(counts, landmarks, np.zeros((count, 52)), np.zeros((count, 4, 4)))


def test_even_motion_and_stills_do_not_flicker_and_noise_does():
    filmed = 0.5 + noise(0.01)
    fading = np.linspace(0, 0.5, FRAMES)[:, None, None, None] * np.ones((FRAMES, SIDE, SIDE, 3))
    assert flicker_ratio(fading, filmed, EVERYWHERE) == pytest.approx(0.0, abs=1e-9)
    assert flicker_ratio(filmed, filmed, EVERYWHERE) == 1.0
    assert flicker_ratio(0.5 + noise(0.02, seed=1), filmed, EVERYWHERE) == pytest.approx(2.0, rel=0.1)
    assert np.isnan(flicker_ratio(filmed, fading * 0, EVERYWHERE))


def test_only_what_three_masks_show_counts():
    filmed = 0.5 + noise(0.01)
    masks = EVERYWHERE.copy()
    masks[:, :, 8:] = False
    masks[4, 3, 3] = False  # and its neighbours in time
    images = filmed.copy()
    images[:, :, 8:] += noise(0.1, seed=2)[:, :, 8:]
    images[4, 3, 3] += 1.0
    assert flicker_ratio(images, filmed, masks) == 1.0 < flicker_ratio(images, filmed, EVERYWHERE)
    assert np.isnan(flicker_ratio(images, filmed, ~EVERYWHERE))


def test_jitter_is_measured_where_the_driver_holds_still():
    rng = np.random.default_rng(0)
    mesh = rng.uniform(40, 60, (478, 3))
    mesh[33, :2], mesh[263, :2] = (30, 50), (70, 50)  # 40 pixels between the eyes
    walk = np.zeros((FRAMES, 1, 3))
    walk[6:, 0, 0] = 5 * np.arange(FRAMES - 6)  # moves from the seventh frame on
    tremble = rng.normal(0, 0.04, (FRAMES, 478, 3))
    driver = faces(mesh + walk + tremble)
    found = landmark_jitter(faces(mesh + walk + 3 * tremble), driver)
    assert found["still_frames"] == 5
    assert found["jitter_ratio"] == pytest.approx(3.0, rel=0.01)
    # The second difference of noise has √6 times its deviation; in two dimensions its mean length is √(π/2) times that.
    assert found["jitter"] == pytest.approx(3 * 0.04 * np.sqrt(6 * np.pi / 2) / 40, rel=0.05)
    assert landmark_jitter(driver, faces(mesh + 100 * tremble)) == {"still_frames": 0}
    lost = faces(mesh + walk + tremble, found=np.arange(FRAMES) != 2)
    assert landmark_jitter(lost, driver)["still_frames"] == 2, "a frame without a face takes its neighbours with it"


def test_shoulders_are_below_the_chin_and_no_hair():
    landmarks = np.full((2, 478, 3), 4.0)
    landmarks[:, 152, 1] = 10.0
    mattes = np.ones((2, SIDE, SIDE), np.float32)
    mattes[:, :, :3] = 0.2
    hair = np.zeros((2, SIDE, SIDE), bool)
    hair[:, :, 12:] = True
    masks = shoulder_masks(mattes, hair, faces(landmarks, found=[True, False]))
    assert masks[0, 10:, 3:12].all() and masks[0].sum() == 6 * 9
    assert not masks[1].any()
