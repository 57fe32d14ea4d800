"""Crops, cosines and their means; the embedding is the user's, here the picture itself."""

import numpy as np
import pytest

from pegasus_jax.capture import FaceDetections
from pegasus_jax.evaluation import identity

EYE_CORNERS, NOSE, MOUTH = ((33, 133), (362, 263)), 1, (61, 291)


def detections(landmarks: np.ndarray, *, found=True) -> FaceDetections:
    counts = np.broadcast_to(found, len(landmarks)).astype(int)
    return FaceDetections(counts, landmarks, np.zeros((len(landmarks), 52)), np.zeros((len(landmarks), 4, 4)))


def landmarks_at(points: np.ndarray) -> np.ndarray:
    """(478, 3) with both eyes, nose and corners of the mouth at `points` (5, 2); the corners of an eye around it."""
    landmarks, half = np.zeros((478, 3), np.float32), np.array([9, 2])
    for (first, second), eye in zip(EYE_CORNERS, points[:2]):
        landmarks[first, :2], landmarks[second, :2] = eye - half, eye + half
    landmarks[[NOSE, *MOUTH], :2] = points[2:]
    return landmarks


def test_a_turned_and_enlarged_face_gives_the_same_crop():
    """A smooth picture is drawn where the crop shows it, then turned by 25 degrees and enlarged 1.8 times."""

    def picture(x, y):
        return np.stack(
            [0.5 + 0.4 * np.sin(x / 9), 0.5 + 0.4 * np.cos(y / 11), 0.5 + 0.4 * np.sin((x + y) / 15)], axis=-1
        )

    turn = 1.8 * np.array([[np.cos(0.44), -np.sin(0.44)], [np.sin(0.44), np.cos(0.44)]])
    shift = np.array([140.0, 60.0])
    y, x = np.mgrid[:400, :400].astype(float)
    there = (np.stack([x, y], axis=-1) - shift) @ np.linalg.inv(turn).T
    image = np.round(255 * picture(there[..., 0], there[..., 1])).astype(np.uint8)
    # Landmarks count from the picture's corner, half a pixel before the middle of the first pixel.
    landmarks = landmarks_at(identity.CROP_POINTS @ turn.T + shift + 0.5)
    y, x = np.mgrid[:112, :112].astype(float)
    np.testing.assert_allclose(identity.aligned_crop(image, landmarks), picture(x, y), atol=0.02)


def test_faces_are_embedded_to_unit_length_and_absent_ones_are_nan():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 130, 120, 3), np.uint8)
    faces = detections(np.stack([landmarks_at(identity.CROP_POINTS + k) for k in range(3)]), found=[True, False, True])
    seen = []

    def embedding(crops):
        seen.append(crops)
        return crops.mean(axis=(1, 2)) + np.array([0, 0, 5])

    vectors = identity.embed_faces(images, faces, embedding)
    assert seen[0].shape == (2, 112, 112, 3)
    assert np.isnan(vectors[1]).all()
    np.testing.assert_allclose(np.linalg.norm(vectors[[0, 2]], axis=1), 1.0)
    assert vectors[0] @ (embedding(seen[0])[0]) == pytest.approx(np.linalg.norm(embedding(seen[0])[0]))


def turning(angles) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_similarity_is_the_mean_cosine_over_pairs_of_faces():
    target, edited = turning(np.zeros(3)), turning(np.array([0.0, np.pi / 3, np.nan]))
    assert identity.identity_similarity(edited, target) == pytest.approx(0.75)
    assert np.isnan(identity.identity_similarity(edited[2:], target[2:]))


def test_local_identity_sees_jumps_and_global_identity_sees_drift():
    drift = turning(np.linspace(0, 1, 5))
    assert identity.tl_id(drift) == pytest.approx(np.cos(0.25))
    pairs = [np.cos(0.25 * (b - a)) for a in range(5) for b in range(a + 1, 5)]
    assert identity.tg_id(drift) == pytest.approx(np.mean(pairs))
    flicker = turning(np.array([0.0, 0.5, 0.0, 0.5]))
    assert identity.tl_id(flicker) == pytest.approx(np.cos(0.5))
    assert identity.tg_id(flicker) == pytest.approx((2 + 4 * np.cos(0.5)) / 6)


def test_temporal_identity_is_relative_to_the_unedited_video_where_there_is_one():
    drift = turning(np.linspace(0, 1, 5))
    assert identity.tl_id(drift, unedited=drift) == pytest.approx(1.0)
    assert identity.tg_id(drift, unedited=turning(np.zeros(5))) == pytest.approx(identity.tg_id(drift))
    lost = np.where(np.arange(5)[:, None] == 2, np.nan, drift)
    assert identity.tl_id(lost) == pytest.approx(np.cos(0.25))


def test_pictures_and_detections_must_belong_together():
    faces = detections(np.zeros((2, 478, 3)), found=False)
    for images in (np.zeros((2, 8, 8, 3), np.uint8), np.zeros((3, 8, 8, 3), np.uint8)):
        with pytest.raises(ValueError, match="have 2 detections, 0 with a face"):
            identity.embed_faces(images, faces, lambda crops: crops)
