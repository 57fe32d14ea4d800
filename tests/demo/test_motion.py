import numpy as np

from pegasus_jax.demo.motion import make_motion
from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.model import JAW_OPEN, LEFT_EYE, NECK, RIGHT_EYE


def named(motion, start):
    rows = [k for k, name in enumerate(builtin_head().expression_names) if name.startswith(start)]
    assert rows
    return motion.expression[:, rows]


def test_a_clip_shows_what_an_avatar_must_learn():
    motion = make_motion(builtin_head(), num_frames=200, seed=0)
    yaw, pitch = motion.pose[:, NECK][:, 1], motion.pose[:, NECK][:, 0]
    assert np.ptp(yaw) > 0.5 and np.ptp(pitch) > 0.2
    assert motion.pose[:, JAW_OPEN].max() > 0.2 and (motion.pose[:, JAW_OPEN] < 0.02).mean() > 0.2
    assert named(motion, "eyeBlink").max() == 1.0 and named(motion, "mouthSmile").max() > 0.6
    np.testing.assert_array_equal(motion.pose[:, LEFT_EYE], motion.pose[:, RIGHT_EYE])
    assert not motion.pose[:, :3].any()


def test_the_held_out_end_is_not_a_repetition_of_the_beginning():
    """A still photograph must not win: the nearest training frame has to differ from the test frames."""
    motion = make_motion(builtin_head(), num_frames=150, seed=0)
    states = np.concatenate([motion.pose, 0.3 * motion.expression], axis=1)
    train, test = states[:120], states[120:]
    nearest = np.linalg.norm(test[:, None] - train[None], axis=-1).min(axis=1)
    assert np.median(nearest) > 0.1


def test_movement_is_smooth():
    motion = make_motion(builtin_head(), num_frames=200, seed=3)
    assert np.abs(np.diff(motion.pose, axis=0)).max() < 0.12
    assert np.abs(np.diff(motion.translation, axis=0)).max() < 0.01


def test_movement_is_seeded():
    a, b, c = (make_motion(builtin_head(), num_frames=30, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(a.pose, b.pose)
    np.testing.assert_array_equal(a.expression, b.expression)
    assert np.abs(a.pose - c.pose).max() > 0.05


def test_very_short_clips_work():
    assert make_motion(builtin_head(), num_frames=1, seed=0).pose.shape == (1, 15)
