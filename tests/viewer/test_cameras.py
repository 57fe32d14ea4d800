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
    """Number 0 wakes up for a second first, and gives three pictures; 7 gives none; others are not there."""

    released = 0

    def __init__(self, number):
        self.number = number
        self.asleep, self.left = {0: (20, 3), 7: (0, 0)}.get(number, (0, 0))

    def isOpened(self):
        return self.number in (0, 7)

    def set(self, *_):
        return True

    def read(self):
        if self.asleep:
            self.asleep -= 1
            return self.asleep % 2 == 0, None
        self.left -= 1
        return self.left >= 0, np.full((4, 6, 3), [10, 20, 30], np.uint8)  # blue, green, red

    def release(self):
        Webcam.released += 1


def test_a_webcam_is_seen_in_rgb_and_released(monkeypatch, clock):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    frames = live_frames("0")
    image, _ = next(frames)
    np.testing.assert_array_equal(image[0, 0], [30, 20, 10])
    before = Webcam.released
    frames.close()
    assert Webcam.released == before + 1


@pytest.mark.parametrize("shape, expected", [((4, 6), 9), ((4, 6, 1), 9), ((4, 6, 4), 9)])
def test_grey_pictures_and_those_with_alpha_are_seen_in_rgb(monkeypatch, clock, shape, expected):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    monkeypatch.setattr(Webcam, "read", lambda self: (True, np.full(shape, expected, np.uint8)))
    image, _ = next(live_frames("0"))
    np.testing.assert_array_equal(image, np.full((4, 6, 3), expected))


def test_a_webcam_that_is_not_there_is_told_before_anybody_waits_for_it(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    with pytest.raises(UserError, match="There is no webcam 3, or another program has it; the first one is --live=0"):
        check_source("3")


def test_a_webcam_that_gives_nothing_is_one_sentence(monkeypatch, clock):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    with pytest.raises(UserError, match="Webcam 7 gives no pictures"):
        next(live_frames("7"))


def test_what_is_neither_is_one_sentence(monkeypatch, video):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    check_source("0")
    check_source(video)
    with pytest.raises(UserError, match=r"--live=nowhere\.mp4 must be the number of a webcam, such as 0, or a video"):
        check_source("nowhere.mp4")
