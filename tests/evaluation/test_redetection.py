"""What is made of MediaPipe's detections; the detector itself is tested on real pictures in tests/capture."""

import numpy as np
import pytest

from pegasus_jax.capture import FaceDetections
from pegasus_jax.capture.face_landmarks import BLENDSHAPE_NAMES, LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from pegasus_jax.evaluation import redetection

FRAMES = 20
UPPER_LIP, LOWER_LIP = 13, 14


def faces(mouth, yaw, blink, *, found=None) -> FaceDetections:
    """Detections with these signals (F,): mouth in eye distances, yaw in degrees, blink in [0, 1]."""
    landmarks = np.zeros((FRAMES, 478, 3), np.float32)
    landmarks[:, LEFT_EYE_OUTER, 0] = 50.0
    landmarks[:, RIGHT_EYE_OUTER, 0] = -50.0
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
