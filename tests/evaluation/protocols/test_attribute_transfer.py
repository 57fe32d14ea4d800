"""Transfer is measured where the attribute is, and nowhere else."""

import dataclasses

import numpy as np
import pytest

from pegasus_jax.evaluation.protocols.attribute_transfer import AttributeTransfer, transferred
from pegasus_jax.evaluation.weights import NotComputed

ABSENT = NotComputed("a file")


@pytest.fixture(scope="module")
def frames(subject):
    clip = subject.worn["hair/ada"]
    return subject.frames(clip, subject.rows(clip))


def test_the_truth_is_perfect_whatever_is_elsewhere(frames):
    target = np.asarray(frames.over_white())
    images = np.where((frames.seg >= 128)[..., None], target, 0.0)
    found = transferred(images, frames, ABSENT)
    assert found == {"frames": 2, "masked_l2": 0.0, "masked_psnr": np.inf, "masked_lpips": ABSENT}


def test_an_error_inside_is_its_root_mean_square(frames):
    images = np.asarray(frames.over_white()) + np.float32(0.1)
    found = transferred(images, frames, ABSENT)
    assert found["masked_l2"] == pytest.approx(0.1, abs=1e-5)
    assert found["masked_psnr"] == pytest.approx(20.0, abs=1e-3)


def test_frames_without_the_attribute_are_left_out(frames):
    images = np.asarray(frames.over_white()) + np.float32([[[[0.1]]], [[[0.3]]]])
    second = dataclasses.replace(frames, seg=frames.seg * np.uint8([[[0]], [[1]]]))
    assert transferred(images, second, ABSENT)["masked_l2"] == pytest.approx(0.3, abs=1e-5)
    neither = dataclasses.replace(frames, seg=np.zeros_like(frames.seg))
    assert transferred(images, neither, ABSENT) == {"frames": 0}


def test_each_look_stands_beside_nothing_transferred(subject, no_weights):
    table = AttributeTransfer(frames=1).measure(subject)["transfer"]
    assert [row.names for row in table.rows] == [
        (look, kind) for look in ("hair/ada", "nose/ben") for kind in ("look", "as filmed")
    ]
    assert all(row.figures["frames"] == 1 for row in table.rows)
