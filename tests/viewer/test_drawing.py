"""States, bakery and the drawing thread, with pictures made of numbers."""

import threading
import time

import numpy as np
import pytest

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.viewer import modes
from pegasus_jax.viewer.bakery import Bakery
from pegasus_jax.viewer.drawing import Drawer
from pegasus_jax.viewer.state import ClientState, Wish
from tests.viewer.test_view import FRONT

HEIGHT = 128
NEUTRAL = FlameParams(np.zeros(100), np.zeros(50), np.zeros(15))


@pytest.fixture
def drawer(monkeypatch):
    """Pictures whose every pixel is the sum of the pose."""

    def draw(baked, params, camera, *, mode):
        return np.full((*camera.image_size, 3), float(np.sum(params.pose)))

    monkeypatch.setattr(modes, "draw", draw)
    poses = np.tile(np.arange(50.0)[:, None], (1, 15))
    motion = Motion(FlameParams.of_frames(np.zeros(100), np.zeros((50, 50)), poses), None)
    drawer = Drawer(HEIGHT, motion)
    yield drawer
    drawer.stop()
    assert not drawer._thread.is_alive()


def client(drawer, number, **fields):
    state = ClientState(Wish(None, NEUTRAL, **fields), drawer.changed)
    shown = []
    drawer.add(number, state, lambda picture, seconds: shown.append((picture.shape[0], float(picture[0, 0, 0]))))
    return state, shown


def wait_for(condition):
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_coarse_while_it_moves_and_fine_when_it_rests(drawer):
    state, shown = client(drawer, 1)
    time.sleep(0.1)
    assert not shown, "nothing before the browser has a camera"
    state.change(view=FRONT)
    wait_for(lambda: shown and shown[-1] == (HEIGHT, 0.0))
    assert shown[0] == (HEIGHT // 2, 0.0)
    state.set_numbers("pose", (6,), 0.25)
    wait_for(lambda: shown[-1] == (HEIGHT, 0.25))
    count = len(shown)
    time.sleep(0.4)
    assert len(shown) == count, "nothing is drawn twice"


def test_numbers_that_are_none_are_not_taken(drawer):
    state, _ = client(drawer, 1)
    state.set_numbers("pose", (6,), float("nan"))
    assert np.all(state.wish.params.pose == 0.0)


def test_clients_do_not_disturb_each_other_and_one_that_vanishes_stops_nobody(drawer):
    def broken(picture, seconds):
        raise ConnectionError("gone")

    gone = ClientState(Wish(None, NEUTRAL, view=FRONT), drawer.changed)
    drawer.add(0, gone, broken)
    one, shown_one = client(drawer, 1, view=FRONT)
    two, shown_two = client(drawer, 2, view=FRONT)
    one.set_numbers("pose", (0,), 0.5)
    wait_for(lambda: shown_one and shown_one[-1] == (HEIGHT, 0.5) and shown_two and shown_two[-1] == (HEIGHT, 0.0))
    drawer.remove(1)
    count = len(shown_one)
    one.set_numbers("pose", (0,), 0.75)
    two.set_numbers("pose", (0,), 0.125)
    wait_for(lambda: shown_two[-1] == (HEIGHT, 0.125))
    assert len(shown_one) == count


def test_a_clip_plays_and_holds(drawer):
    state, shown = client(drawer, 1, view=FRONT)
    state.change(frame=3)
    drawer.play(1, True)
    wait_for(lambda: len({value for _, value in shown}) > 3)
    drawer.play(1, False)
    wait_for(lambda: shown[-1][0] == HEIGHT)
    assert shown[-1][1] == 15.0 * state.wish.frame


def test_the_newest_look_is_baked_and_others_are_left_out():
    hold, baked = threading.Event(), []

    class Slow:
        def bake(self, latent):
            hold.wait(10.0)
            baked.append(float(latent["hair"][0]))
            return f"look {latent['hair'][0]:.0f}"

    bakery, got = Bakery(Slow()), []
    for number in (1.0, 2.0, 3.0):
        bakery.request(7, {"hair": np.array([number])}, got.append)
    bakery.request(8, {"hair": np.array([3.0])}, got.append)
    bakery.request(9, {"hair": np.array([4.0])}, got.append)
    bakery.forget(9)
    hold.set()
    wait_for(lambda: len(got) == 2)
    bakery.close()
    assert got == ["look 3", "look 3"] and baked.count(3.0) == 1 and 2.0 not in baked and 4.0 not in baked
