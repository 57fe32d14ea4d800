import dataclasses

import numpy as np
import pytest

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.accuracy import accuracy
from pegasus_jax.capture.fit import fit_landmarks
from pegasus_jax.capture.landmark_term import LandmarkWeights, landmark_points, project_clip
from pegasus_jax.capture.observations import LandmarkMap, landmark_map
from pegasus_jax.capture.track import Track
from pegasus_jax.data import Camera
from pegasus_jax.flame.model import Embedding

from .synthetic import detections_of, make_track

_SIDE = 512


def _neck_error_degrees(track: Track, truth: Track) -> float:
    return float(np.rad2deg(np.abs(track.pose[:, 3:6] - truth.pose[:, 3:6]).max()))


@pytest.fixture(scope="module")
def fitted(head):
    truth = make_track(16, focal=2.0)
    detections = detections_of(head, truth, side=_SIDE, noise=0.7)
    times = np.arange(16) / 10
    return truth, detections, fit_landmarks(head, detections, times, side=_SIDE)


def test_known_pose_jaw_and_gaze_are_recovered_from_noisy_landmarks(fitted):
    truth, _, track = fitted
    assert _neck_error_degrees(track, truth) < 3.0
    np.testing.assert_allclose(track.pose[:, 6], truth.pose[:, 6], atol=0.06)
    np.testing.assert_allclose(track.pose[:, 9:11], truth.pose[:, 9:11], atol=0.1)
    assert np.all(track.pose[:, :3] == 0)


def test_focal_length_is_estimated_and_not_the_guess(fitted):
    truth, _, track = fitted
    assert abs(np.log(track.focal / truth.focal)) < 0.15 < np.log(2.5 / truth.focal)


def test_reprojection_is_at_the_level_of_the_noise(head, fitted):
    _, detections, track = fitted
    measured = accuracy(head, detections, track, side=_SIDE)
    assert measured.reprojection.max() < 0.8
    assert measured.iris.mean() < 1.0


def test_a_still_head_is_tracked_more_calmly_than_its_landmarks(head):
    still = make_track(1, focal=2.5)
    truth = Track(np.repeat(still.frames, 12, axis=0), still.shared)
    detections = detections_of(head, truth, side=_SIDE, noise=0.15)
    measured = accuracy(head, detections, fit_landmarks(head, detections, np.arange(12) / 30, side=_SIDE), side=_SIDE)
    assert measured.jitter < 0.5 * measured.detector_jitter


def test_a_head_without_a_face_mesh_embedding_is_fitted_by_68_landmarks(head):
    plain = dataclasses.replace(head, mediapipe=None, iris=None, mediapipe_indices=(), mediapipe_contour=())
    truth = make_track(8, focal=2.5, seed=1)
    detections = detections_of(plain, truth, side=_SIDE, noise=0.5)
    track = fit_landmarks(plain, detections, np.arange(8) / 10, side=_SIDE)
    measured = accuracy(plain, detections, track, side=_SIDE)
    assert measured.iris is None
    assert measured.reprojection.mean() < 0.8
    assert _neck_error_degrees(track, truth) < 5.0


def test_shut_eyes_are_fitted_shut_although_the_scores_do_not_say_so(head):
    truth = make_track(6, focal=2.5)
    blink = [columns.EXPRESSION.start + i for i, name in enumerate(head.expression_names) if "Blink" in name]
    truth.frames[:, blink] = np.array([0, 0.5, 1, 1, 0.5, 0])[:, None]
    detections = detections_of(head, truth, side=_SIDE, noise=0.3)
    loose = LandmarkWeights(landmark=0.04)  # as in photometric alignment
    error, error_without = (
        np.abs(_gaps(head, _fit(head, detections, weights)) - _gaps(head, truth)).max()
        for weights in (loose, dataclasses.replace(loose, gap=100.0))
    )
    assert error < 0.005 < 0.01 < error_without


def _fit(head, detections, weights):
    return fit_landmarks(head, detections, np.arange(len(detections.counts)) / 10, side=_SIDE, weights=weights)


def _gaps(head, track) -> np.ndarray:
    """Opening of eyes and mouth in crop sides."""
    mapped = landmark_map(head)
    upper, lower = np.moveaxis(project_clip(landmark_points(head, mapped), track)[:, mapped.pairs], 2, 0)
    return np.linalg.norm(upper - lower, axis=-1)


def test_a_head_with_no_pair_of_lids_or_lips_has_no_pairs():
    empty = Embedding(np.zeros(2, np.int64), np.zeros((2, 3)))
    assert LandmarkMap(empty, np.array([159, 13]), np.ones(2), None).pairs.shape == (0, 2)


def test_one_outlying_landmark_does_not_pull_the_head(head):
    truth = make_track(4, focal=2.5)
    clean = detections_of(head, truth, side=_SIDE)
    landmarks = clean.landmarks.copy()
    landmarks[:, 4, :2] += 60.0
    times = np.arange(4) / 10
    tracks = [
        fit_landmarks(head, detections, times, side=_SIDE)
        for detections in (clean, dataclasses.replace(clean, landmarks=landmarks))
    ]
    assert _neck_error_degrees(*tracks) < 0.5


def test_the_written_camera_looks_at_the_head_from_the_front(fitted):
    _, _, track = fitted
    camera = Camera.from_imavatar(track.world_mat, np.tile(track.intrinsics, (16, 1)), image_size=(_SIDE, _SIDE))
    np.testing.assert_allclose(np.asarray(camera.intrinsics)[:, 2:], _SIDE / 2)
    assert np.all(np.asarray(camera.T_camera_world)[:, 2, 3] > 1.0)
