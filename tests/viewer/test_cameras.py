"""A webcam is played by a fake one; a file is a real file."""

import itertools

import cv2
import numpy as np
import pytest

from pegasus_jax import media
from pegasus_jax.errors import UserError
from pegasus_jax.viewer import cameras
from pegasus_jax.viewer.cameras import check_source, live_frames


@pytest.fixture
def video(tmp_path):
    """Half a second whose grey level tells the frame's number."""
    levels = np.arange(10, 210, 20, np.uint8)
    frames = np.tile(levels[:, None, None, None], (1, 32, 32, 3))
    media.write_video(tmp_path / "a.mp4", frames, fps=20.0, disclosure=None)
    return str(tmp_path / "a.mp4")


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only where somebody sleeps."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(cameras, "time", clock)
    return clock


def levels(frames, count):
    return [int(image.mean().round(-1)) for image, _ in itertools.islice(frames, count)]


def test_a_file_plays_at_its_own_pace_and_begins_again(video, clock):
    frames = list(itertools.islice(live_frames(video), 12))
    assert levels(frames, 12) == [*range(10, 210, 20), 10, 30]
    np.testing.assert_allclose([seconds for _, seconds in frames[:10]], 0.05 * np.arange(10), atol=1e-6)


def test_pictures_that_come_too_late_are_left_out(video, clock):
    seen = []
    for image, _ in itertools.islice(live_frames(video), 4):
        seen.append(int(image.mean().round(-1)))
        clock.sleep(0.2)  # for four pictures
    assert seen == [10, 70, 150, 10], "up to two pictures late"


class Webcam:
    released = 0

    def __init__(self, number):
        self.left = {0: 3, 7: 0}[number]

    def set(self, *_):
        return True

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((4, 6, 3), [10, 20, 30], np.uint8)  # blue, green, red

    def release(self):
        Webcam.released += 1


def test_a_webcam_is_seen_in_rgb_and_released(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    frames = live_frames("0")
    image, _ = next(frames)
    np.testing.assert_array_equal(image[0, 0], [30, 20, 10])
    before = Webcam.released
    frames.close()
    assert Webcam.released == before + 1


def test_a_webcam_that_gives_nothing_is_one_sentence(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    with pytest.raises(UserError, match="Webcam 7 gives no pictures"):
        next(live_frames("7"))


def test_what_is_neither_is_one_sentence(video):
    check_source("0")
    check_source(video)
    with pytest.raises(UserError, match=r"--live=nowhere\.mp4 must be the number of a webcam, such as 0, or a video"):
        check_source("nowhere.mp4")
