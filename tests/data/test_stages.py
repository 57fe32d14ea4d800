"""Which frames a run of several looks sees when: a pure function of seed and frames seen."""

import numpy as np
import pytest

from pegasus_jax.data.frames import frame_order
from pegasus_jax.data.stages import Stages

COUNTS = (7, 12, 5)  # frames 0-6 are the person's own, 7-18 and 19-23 show two other looks
LOOK = np.repeat(np.arange(3), COUNTS)


def stages(**changes) -> Stages:
    values = {"seed": 3, "share": 4, "first": 24, "counts": COUNTS}
    return Stages(**(values | changes))


def in_steps(run: Stages, start: int, stop: int, *, devices: int = 1) -> np.ndarray:
    size = devices * run.share
    return np.concatenate([run.rows(seen, size) for seen in range(start, stop, size)])


def test_one_look_is_seen_in_the_order_of_a_run_without_stages():
    for first in (0, 24, 10**6):
        rows = in_steps(stages(counts=(9,), first=first), 0, 80)
        np.testing.assert_array_equal(rows, frame_order(3, 0, 80, 9))


def test_stage_one_shows_own_frames_alone():
    np.testing.assert_array_equal(in_steps(stages(), 0, 24), frame_order(3, 0, 24, 7))


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_a_devices_share_of_a_step_is_of_one_look(devices):
    rows = in_steps(stages(), 24, 24 + 1600, devices=devices).reshape(-1, 4)
    assert (LOOK[rows] == LOOK[rows][:, :1]).all()
    assert set(LOOK[rows[:, 0]].tolist()) == {0, 1, 2}


@pytest.mark.parametrize("share", [1, 4, 8])
def test_every_frame_of_every_look_is_seen_about_equally_often(share):
    run, epochs = stages(share=share), 50
    rows = in_steps(run, 24, 24 + epochs * len(LOOK))
    seen = np.bincount(rows, minlength=len(LOOK))
    # A look is at most two groups behind: its rounding of this epoch, and that of the others.
    slack = np.ceil(2 * share / np.asarray(COUNTS))[LOOK]
    assert (np.abs(seen - epochs) <= 1 + slack).all(), seen


def test_looks_are_mixed_over_time():
    looks = LOOK[in_steps(stages(), 24, 24 + 2400).reshape(-1, 4)[:, 0]]
    assert max(len(run) for run in "".join(map(str, looks)).replace("0", " 0").split()) < 40
    shares = np.stack([np.bincount(part, minlength=3) for part in np.split(looks, 10)]) / 60
    np.testing.assert_allclose(shares, np.tile(np.asarray(COUNTS) / 24, (10, 1)), atol=0.06)


def test_devices_split_the_same_order():
    one = in_steps(stages(), 24, 24 + 960)
    np.testing.assert_array_equal(in_steps(stages(), 24, 24 + 960, devices=2), one)
    assert not np.array_equal(in_steps(stages(seed=4), 24, 24 + 960), one)


def test_a_second_stage_from_the_start():
    assert set(LOOK[in_steps(stages(first=0), 0, 400)].tolist()) == {0, 1, 2}
    assert stages(first=0).worn(0) == 3 and stages().worn(20) == 1 and stages().worn(24) == 3


def test_the_cloud_has_as_many_frames_of_each_look_between_changes():
    run = stages(first=24)
    assert [run.changes_due(seen, 10) for seen in (0, 9, 10, 23, 24, 53, 54, 84)] == [0, 0, 1, 2, 3, 3, 4, 5]
    assert run.joining(10) == 2, "the third change, at 24 frames, is that swapped videos join"
    assert [run.next_stop(seen, 10) for seen in (0, 9, 12, 20, 24, 40, 54)] == [10, 10, 20, 24, 54, 54, 84]
    alone = stages(counts=(9,), first=24)
    assert alone.joining(10) is None
    assert [alone.changes_due(seen, 10) for seen in (9, 24, 53)] == [0, 2, 5]
    assert [alone.next_stop(seen, 10) for seen in (0, 12, 20, 24)] == [10, 20, 30, 30]


@pytest.mark.parametrize("every, step", [(8, 4), (4, 4), (2, 4), (6, 8)])
def test_every_look_has_its_turn_to_have_its_nearest_vertices_searched(every, step):
    run = stages(first=24)
    assert list(run.to_refresh(20, every, step)) == [0]
    assert list(run.to_refresh(24, every, step)) == [0, 1, 2]
    pauses = range(24 + step, 24 + 12 * max(every, step), step)
    refreshed = [look for seen in pauses for look in run.to_refresh(seen, every, step)]
    assert np.bincount(refreshed, minlength=3).min() >= 0.7 * len(refreshed) / 3
