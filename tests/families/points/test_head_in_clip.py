"""What the built-in head shows and how its skin stretches in a clip of three frames: at rest, eyes shut, jaw open."""

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.data.frames import Batch
from pegasus_jax.families.free_points.head_space import head_space
from pegasus_jax.families.points.head_in_clip import inner_shown, largest_areas
from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.model import JAW_OPEN

SIDE = 160
REST, SHUT, OPEN = range(3)


@pytest.fixture(scope="module")
def space():
    return head_space(builtin_head(), jnp.zeros(50))


@pytest.fixture(scope="module")
def clip(space):
    names = space.head.expression_names
    expression, pose = np.zeros((3, 50), np.float32), np.zeros((3, 15), np.float32)
    expression[SHUT, [i for i, name in enumerate(names) if "Blink" in name]] = 1.0
    pose[OPEN, JAW_OPEN] = 0.4
    empty = np.zeros((3, SIDE, SIDE), np.uint8)
    facing = np.array([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 4]], np.float32)
    return Batch(
        image=np.zeros((3, SIDE, SIDE, 3), np.uint8),
        matte=empty,
        seg=empty,
        emphasis=empty,
        betas=np.zeros((3, 100), np.float32),
        expression=expression,
        pose=pose,
        T_camera_world=np.tile(facing, (3, 1, 1)),
        intrinsics=np.tile(np.array([2.5 * SIDE, 2.5 * SIDE, SIDE / 2, SIDE / 2], np.float32), (3, 1)),
        frame=np.arange(3, dtype=np.int32),
        look=np.zeros(3, np.int32),
    )


def test_eyes_show_unless_shut_and_the_mouth_when_the_jaw_drops(space, clip):
    shown = inner_shown(space, clip)
    assert shown.shape == (3, SIDE, SIDE) and shown.dtype == np.uint8
    middle = SIDE // 2
    eyes = [(frame[:middle] > 128).sum() for frame in shown]
    mouth = [(frame[middle:] > 128).sum() for frame in shown]
    assert eyes[REST] > 20 and eyes[OPEN] == pytest.approx(eyes[REST], rel=0.1)
    assert eyes[SHUT] < 0.15 * eyes[REST]
    assert mouth[OPEN] > 40 > 4 * (1 + mouth[REST])


def test_the_areas_are_those_of_the_frame_that_stretches_a_triangle_most(space, clip):
    faces = np.asarray(space.head.faces)
    corners = np.asarray(space.vertices_fc)[faces]
    canonical = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    tracked = {"betas": clip.betas, "pose": clip.pose}
    areas = largest_areas(space, expression=clip.expression, **tracked)
    assert (areas >= 0.999 * canonical).all()
    without = largest_areas(space, expression=np.zeros_like(clip.expression), **tracked)
    near_eyes = np.asarray(space.head.regions["eye_regions"])[faces].all(axis=1)
    assert (areas[near_eyes] / without[near_eyes]).max() > 1.3, "lids"
    np.testing.assert_allclose(areas[~near_eyes], without[~near_eyes], rtol=0.5)
