import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.capture.face_landmarks import BLENDSHAPE_NAMES, FaceDetections
from pegasus_jax.capture.quality import clip_warnings, drop_reasons, head_angles, pose_coverage, sharpness


def _detections(landmarks, counts):
    num = len(counts)
    return FaceDetections(
        np.array(counts),
        landmarks,
        np.zeros((num, len(BLENDSHAPE_NAMES)), np.float32),
        np.zeros((num, 4, 4), np.float32),
    )


def _landmarks(num, centre=(100, 100)):
    points = np.random.default_rng(0).uniform(-50, 50, size=(478, 3)) + np.array([*centre, 0])
    return np.repeat(points[None], num, axis=0).astype(np.float32)


def test_each_reason_for_dropping_is_named():
    landmarks = _landmarks(5)
    landmarks[0] = np.nan
    landmarks[2] += np.array([70, 0, 0])  # a fifth of the face beyond the right edge
    found = drop_reasons(_detections(landmarks, [0, 2, 1, 1, 1]), np.array([np.nan, 90, 100, 5, 110]), (200, 200))
    assert found == ["no face", "2 faces", "face cut by the picture's edge", "blurred", ""]


def test_blur_lowers_sharpness_and_size_does_not_matter():
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 255, (40, 40, 3), np.uint8), (400, 400), interpolation=cv2.INTER_CUBIC)
    landmarks = _landmarks(1, centre=(200, 200))[0] * [1.5, 1.5, 1] - [100, 100, 0]
    sharp = sharpness(image, landmarks)
    assert sharpness(cv2.GaussianBlur(image, (0, 0), 8), landmarks) < 0.25 * sharp
    larger = sharpness(cv2.resize(image, (800, 800), interpolation=cv2.INTER_CUBIC), landmarks * 2)
    np.testing.assert_allclose(larger, sharp, rtol=0.15)
    assert np.isnan(sharpness(image, np.full((478, 3), np.nan)))


def test_angles_have_the_documented_signs():
    angles = np.radians([[30, 0, 0], [0, 20, 0], [0, 0, 10]])
    necks = np.stack([Rotation.from_euler("YXZ", row).as_rotvec() for row in angles])
    np.testing.assert_allclose(np.radians(head_angles(necks)), angles, atol=1e-9)
    nose = Rotation.from_rotvec(necks).apply([0, 0, 1])
    assert nose[0, 0] > 0.4 and nose[1, 1] < -0.3  # to the subject's left; down


def test_coverage_ignores_outliers():
    angles = np.zeros((200, 3))
    angles[:, 0] = np.linspace(-20, 20, 200)
    angles[7, 1] = 80.0
    coverage = pose_coverage(angles)
    assert -20 < coverage.yaw[0] < -18 and 18 < coverage.yaw[1] < 20 and coverage.pitch == (0.0, 0.0)


def test_a_poor_clip_is_told_what_to_film():
    still = clip_warnings(np.zeros((30, 3)), np.zeros(30))
    for text in ("Only 30 usable frames", "turning left and right", "looking up and down", "opening the mouth"):
        assert any(text in warning for warning in still), text
    lively = np.random.default_rng(0).uniform(-25, 25, size=(100, 3))
    assert clip_warnings(lively, np.linspace(0, 1, 100)) == []
