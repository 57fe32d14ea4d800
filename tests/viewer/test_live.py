"""Who is told what, with a camera that counts and a watcher that passes it on."""

import contextlib
import itertools
import time

import numpy as np

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.viewer.live import Live
from tests.viewer.test_drawing import wait_for


class Camera:
    """Numbers as pictures; knows whether it is on."""

    def __init__(self, *, count=None):
        self.count, self.times_on, self.on = count, 0, False

    def __call__(self):
        self.times_on += 1
        self.on = True
        try:
            for number in itertools.count() if self.count is None else range(self.count):
                time.sleep(0.005)
                yield np.full((2, 2, 3), number), 0.1 * number
            raise RuntimeError("unplugged")
        finally:
            self.on = False


class Watcher(contextlib.nullcontext):
    """The avatar's jaw is the picture's number, counted from its rest."""

    def __init__(self):
        super().__init__(self)
        self.asked, self.zero, self.status = True, 0.0, ""

    def rest(self):
        self.asked = True

    def see(self, image, seconds):
        number = float(image[0, 0, 0])
        if self.asked:
            self.zero, self.asked = number, False
            return None
        self.status = f"{number}"
        return FlameParams(np.zeros(100), np.zeros(50), np.full(15, number - self.zero))


def follow(live, client):
    told = []
    live.follow(client, lambda drive, words: told.append((drive, words)))
    return told


def test_the_camera_is_on_while_somebody_follows():
    camera = Camera()
    live = Live(camera, Watcher)
    assert not camera.times_on
    one, two = follow(live, 1), follow(live, 2)
    wait_for(lambda: len(one) > 5 and len(two) > 5)
    live.leave(1)
    count = len(one)
    wait_for(lambda: len(two) > 12)
    assert len(one) <= count + 1 and camera.times_on == 1, "one camera for both"
    live.leave(2)
    wait_for(lambda: not camera.on)
    again = follow(live, 3)
    wait_for(lambda: len(again) > 3)
    assert camera.times_on == 2
    live.stop()
    assert not camera.on


def test_a_client_that_is_gone_does_not_disturb_the_others(capsys):
    def gone(drive, words):
        raise ConnectionError("gone")

    live = Live(Camera(), Watcher)
    live.follow(1, gone)
    told = follow(live, 2)
    wait_for(lambda: len(told) > 5)
    live.stop()


def test_drives_are_counted_from_the_rest():
    live = Live(Camera(), Watcher)
    told = follow(live, 1)
    wait_for(lambda: len(told) > 30)
    live.rest()
    wait_for(lambda: [drive is None for drive, _ in told].count(True) == 2 and told[-1][0] is not None)
    live.stop()
    jaws = [drive.pose[0] for drive, _ in told if drive is not None]
    assert jaws[0] == 1.0 and 1.0 in jaws[1:], "it begins anew"


def test_a_camera_that_breaks_is_told_and_may_be_tried_again():
    camera = Camera(count=3)
    live = Live(camera, Watcher)
    for attempt in (1, 2):
        told = follow(live, 1)
        wait_for(lambda told=told: told and told[-1] == (None, "the camera is off: unplugged"))
        assert camera.times_on == attempt and not camera.on
    live.stop()
