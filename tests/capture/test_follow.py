"""One picture after another, compared with the track that they were made from."""

import numpy as np
import pytest

from pegasus_jax.capture.follow import Follower
from pegasus_jax.capture.track import Track

from .synthetic import detections_of, make_track

_SIDE = 400
_REST = 6  # pictures


@pytest.fixture(scope="module")
def filmed(head):
    """A head that rests, and then moves; shape and focal length are not those that fitting starts from."""
    moving = make_track(24, focal=2.0)
    still = np.repeat(moving.frames[:1], _REST, axis=0)
    truth = Track(np.concatenate([still, moving.frames]), moving.shared)
    return truth, detections_of(head, truth, side=_SIDE, noise=0.3)


@pytest.fixture(scope="module")
def follower(head, filmed):
    _, seen = filmed
    return Follower(head, seen[:_REST], frame_size=(_SIDE, _SIDE), fps=15.0)


def test_what_moves_is_followed_picture_by_picture(follower, filmed):
    truth, seen = filmed
    tracks = [follower.fit(seen[row : row + 1]) for row in range(_REST, len(truth.frames))]
    pose = np.concatenate([track.pose for track in tracks]) - follower.neutral.pose
    expected = truth.pose[_REST:] - truth.pose[:1]
    assert np.rad2deg(np.abs(pose[:, 3:6] - expected[:, 3:6]).max()) < 4.0
    np.testing.assert_allclose(pose[:, 6], expected[:, 6], atol=0.08)
    np.testing.assert_allclose(pose[:, 9:11], expected[:, 9:11], atol=0.1)


def test_a_face_that_was_lost_is_found_elsewhere(follower, filmed):
    truth, seen = filmed
    follower.fit(seen[_REST : _REST + 1])
    follower.lose()
    row = _REST + 12  # turned to the other side
    neck = follower.fit(seen[row : row + 1]).pose[0, 3:6] - follower.neutral.pose[0, 3:6]
    expected = truth.pose[row, 3:6] - truth.pose[0, 3:6]
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(neck, expected, atol=0.1)
