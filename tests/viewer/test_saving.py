"""Files for a client, with pictures made of numbers."""

import dataclasses

import numpy as np
import pytest

from pegasus_jax import media
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.motion import Motion
from pegasus_jax.editing import Look
from pegasus_jax.inference.clip import ORBIT_FRAMES
from pegasus_jax.viewer import modes, saving
from pegasus_jax.viewer.drawing import Drawer
from pegasus_jax.viewer.state import Wish
from tests.media.said import source_type, xmp
from tests.viewer.test_view import FRONT

HEIGHT = 64
WISH = Wish(None, FlameParams(np.zeros(100), np.zeros(50), np.zeros(15)), view=FRONT)
LOOK = Look("me with hair:hair/ada", {})


@pytest.fixture
def drawer(monkeypatch):
    """Grey is the jaw; the first pixel of a row of the picture is white where the camera is left of the head."""

    def draw(baked, params, camera, *, mode):
        assert mode == "colour"
        picture = np.full((*camera.image_size, 3), round(params.pose[6]), np.uint8)
        picture[0, 0] = 255 * (np.asarray(camera.T_camera_world)[0, 2] > 0)
        drawn.append((camera, picture))
        return picture

    drawn = []
    monkeypatch.setattr(modes, "draw", draw)
    poses = np.repeat(np.arange(0.0, 200.0, 20.0)[:, None], 15, axis=1)
    motion = Motion(FlameParams.of_frames(np.zeros(100), np.zeros((10, 50)), poses), None)
    drawer = Drawer(HEIGHT, motion)
    drawer.motion, drawer.drawn = motion, drawn
    yield drawer
    drawer.stop()


def test_a_screenshot_has_square_pixels_and_tells_the_look(drawer, tmp_path):
    odd = dataclasses.replace(FRONT, aspect=1.4)
    (tmp_path / "a.png").write_bytes(saving.screenshot(drawer, dataclasses.replace(WISH, view=odd), LOOK))
    camera, picture = drawer.drawn[-1]
    assert picture.shape == (64, 64, 3) and camera.intrinsics[0] == pytest.approx(camera.intrinsics[1])
    assert source_type(tmp_path / "a.png") == "trainedAlgorithmicMedia" and LOOK.how in xmp(tmp_path / "a.png")


def film(drawer, wish, path):
    words = []
    path.write_bytes(saving.video(drawer, wish, LOOK, motion=drawer.motion, told=words.append))
    frames, fps = media.read_video(path)
    assert fps == 25.0 and words[-1] == f"filming: {len(frames)} of {len(frames)} frames"
    return frames


def test_a_clip_that_is_followed_is_filmed_whole_from_the_present_view(drawer, tmp_path):
    live = FlameParams(np.zeros(100), np.zeros(50), np.full(15, 250.0))
    frames = film(drawer, dataclasses.replace(WISH, frame=4, live=live), tmp_path / "a.mp4")
    levels = frames[:, 32:, 32:].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(levels, np.arange(0, 200, 20), atol=3)
    assert len({camera.intrinsics.tobytes() for camera, _ in drawer.drawn}) == 1
    assert source_type(tmp_path / "a.mp4") == "trainedAlgorithmicMedia" and LOOK.how in xmp(tmp_path / "a.mp4")


def test_without_a_clip_the_camera_swings_to_both_sides(drawer, tmp_path):
    assert len(film(drawer, WISH, tmp_path / "a.mp4")) == ORBIT_FRAMES
    left = [bool(picture[0, 0, 0]) for _, picture in drawer.drawn]
    assert any(left[: ORBIT_FRAMES // 2]) != any(left[ORBIT_FRAMES // 2 + 1 : -1])
