"""What is made of MediaPipe's detections; the detector itself is tested in tests/capture."""

import dataclasses

import numpy as np
import pytest

from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.capture.face_landmarks import (
    BLENDSHAPE_NAMES,
    LEFT_EYE_OUTER,
    LEFT_IRIS,
    RIGHT_EYE_OUTER,
    RIGHT_IRIS,
)
from pegasus_jax.capture.video import read_frames
from pegasus_jax.evaluation import redetection

FRAMES = 20
UPPER_LIP, LOWER_LIP = 13, 14
RIGHT_EYE_INNER, LEFT_EYE_INNER = 133, 362


def faces(mouth, yaw, blink, *, gaze=(0.0, 0.0), found=None) -> FaceDetections:
    """Detections with these signals (F,): mouth in eye distances, yaw in degrees, blink in [0, 1].

    `gaze` is how far the irises are across and down from the middle of their eyes, in widths of an eye.
    """
    landmarks = np.zeros((FRAMES, 478, 3), np.float32)
    landmarks[:, LEFT_EYE_OUTER, 0] = 50.0
    landmarks[:, RIGHT_EYE_OUTER, 0] = -50.0
    landmarks[:, RIGHT_EYE_INNER, 0], landmarks[:, LEFT_EYE_INNER, 0] = -10.0, 10.0
    for iris, middle in ((RIGHT_IRIS, -30.0), (LEFT_IRIS, 30.0)):
        landmarks[:, iris, 0] = middle + 40.0 * np.asarray(gaze[0])
        landmarks[:, iris, 1] = 40.0 * np.asarray(gaze[1])
    landmarks[:, UPPER_LIP, 1] = 30.0
    landmarks[:, LOWER_LIP, 1] = 30.0 + 100.0 * np.asarray(mouth)
    scores = np.zeros((FRAMES, len(BLENDSHAPE_NAMES)), np.float32)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        scores[:, BLENDSHAPE_NAMES.index(name)] = blink
    poses = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    angle = np.radians(yaw)
    poses[:, 0, 2], poses[:, 2, 2] = np.sin(angle), np.cos(angle)
    counts = np.ones(FRAMES, int) if found is None else np.asarray(found, int)
    return FaceDetections(counts, landmarks, scores, poses)


@pytest.fixture
def agreement(monkeypatch):
    """Figures of two sets of detections, in place of pictures."""

    def figures(renders, drivers):
        results = iter((renders, drivers))
        monkeypatch.setattr(redetection, "detect_faces", lambda pictures: next(results))
        return redetection.redetection(np.zeros((FRAMES, 1, 1, 3), np.uint8), np.zeros((FRAMES, 1, 1, 3), np.uint8))

    return figures


def moving():
    phase = np.linspace(0, 6, FRAMES)
    return 0.2 + 0.1 * np.sin(phase), 10 * np.cos(phase), 0.5 + 0.4 * np.sin(2 * phase)


def test_an_avatar_that_lags_in_size_but_not_in_time_correlates_fully(agreement):
    mouth, yaw, blink = moving()
    found = agreement(faces(0.5 * mouth, 0.5 * yaw, 0.5 * blink), faces(mouth, yaw, blink))
    assert found["face_found"] == 1.0
    for name, signal in (("mouth_opening", mouth), ("yaw", yaw), ("blink", blink)):
        assert found[f"{name}_correlation"] == pytest.approx(1.0, abs=1e-4)
        assert found[f"{name}_difference"] == pytest.approx(0.5 * np.abs(signal).mean(), rel=1e-3)


def test_a_driver_that_holds_still_has_no_correlation(agreement):
    noise = np.random.default_rng(0).normal(size=(6, FRAMES))
    driver = faces(0.2 + 0.002 * noise[0], 0.2 * noise[1], 0.01 + 0.004 * noise[2])
    found = agreement(faces(0.2 + 0.05 * noise[3], 5 * noise[4], np.abs(0.2 * noise[5])), driver)
    assert not [name for name in found if name.endswith("correlation")]
    assert found["blink_difference"] > 0.05


def test_frames_without_a_face_are_counted_and_left_out(agreement):
    mouth, yaw, blink = moving()
    seen = np.arange(FRAMES) >= 5
    lost = faces(np.where(seen, mouth, 9.0), yaw, blink, found=seen)
    found = agreement(lost, faces(mouth, yaw, blink))
    assert found["face_found"] == pytest.approx(0.75)
    assert found["mouth_opening_difference"] == pytest.approx(0.0, abs=1e-6)
    few = np.arange(FRAMES) < 2
    assert agreement(faces(mouth, yaw, blink, found=few), faces(mouth, yaw, blink)) == {"face_found": 0.1}


def test_gaze_is_followed_over_frames_with_open_eyes(agreement):
    mouth, yaw, _ = moving()
    across, down = 0.2 * np.sin(np.linspace(0, 9, FRAMES)), 0.1 * np.cos(np.linspace(0, 9, FRAMES))
    shut = np.where(np.arange(FRAMES) % 5 == 0, 0.9, 0.1)
    strays = np.where(shut > 0.5, 7.0, 0.5 * across)
    found = agreement(faces(mouth, yaw, shut, gaze=(strays, down)), faces(mouth, yaw, shut, gaze=(across, down)))
    seen = shut < 0.5
    assert found["gaze_across_correlation"] == pytest.approx(1.0, abs=1e-4)
    assert found["gaze_across_difference"] == pytest.approx(0.5 * np.abs(across[seen]).mean(), rel=1e-3)
    assert found["gaze_down_difference"] == pytest.approx(0.0, abs=1e-5)


def test_gaze_does_not_change_when_the_head_tilts_or_comes_nearer():
    mouth, yaw, _ = moving()
    upright = faces(mouth, yaw, 0.0, gaze=(0.15, -0.05))
    turn = 2.5 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    tilted = dataclasses.replace(upright, landmarks=upright.landmarks.copy())
    tilted.landmarks[..., :2] = upright.landmarks[..., :2] @ turn.T + 300
    np.testing.assert_allclose(redetection.gaze(upright), np.tile([0.15, -0.05], (FRAMES, 1)), atol=1e-5)
    np.testing.assert_allclose(redetection.gaze(tilted), redetection.gaze(upright), atol=1e-4)


def test_gaze_goes_where_mediapipe_s_scores_say_in_a_real_clip(real_data, monkeypatch):
    monkeypatch.setenv("PEGASUS_ASSETS", str(real_data / "mediapipe"))
    seen = detect_faces(frame.image for frame in read_frames(real_data / "videos" / "subject_d.mp4", fps=2))
    across = (
        ("eyeLookOutLeft", "eyeLookInRight"),
        ("eyeLookInLeft", "eyeLookOutRight"),
    )  # left: the picture's right
    down = ("eyeLookDownLeft", "eyeLookDownRight"), ("eyeLookUpLeft", "eyeLookUpRight")
    for measured, (more, less) in ((redetection.gaze_across, across), (redetection.gaze_down, down)):
        scores = sum(seen.score(name) for name in more) - sum(seen.score(name) for name in less)
        assert redetection.agreement(measured(seen), scores).correlation > 0.7


def test_agreement_leaves_out_what_was_not_seen_and_needs_three_pairs():
    driver = np.array([0.0, 1.0, 2.0, 5.0, np.nan])
    signal = np.array([0.5, 1.5, 2.5, np.nan, 4.0])
    assert redetection.agreement(signal, driver) == pytest.approx((1.0, 0.5))
    assert redetection.agreement(signal, driver, still=3.0) == (None, 0.5)
    assert redetection.agreement(signal[:2], driver[:2]) is None
