"""A real face drives: what the avatar does agrees with what MediaPipe says of the same pictures."""

import numpy as np
import pytest

from pegasus_jax.capture import detect_faces
from pegasus_jax.capture.video import read_frames
from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.redetection import blink, yaw_degrees
from pegasus_jax.flame import builtin_head
from pegasus_jax.viewer.performer import Performer

RESTED = np.full(50, 0.05, np.float32)


@pytest.fixture
def models(real_data, monkeypatch):
    monkeypatch.setenv("PEGASUS_ASSETS", str(real_data / "mediapipe"))
    return real_data


@pytest.mark.slow
def test_a_real_face_is_followed_from_its_rest(models):
    head = builtin_head()
    frames = list(read_frames(models / "videos" / "subject_d.mp4", fps=10, max_frames=60))
    black = np.zeros_like(frames[0].image)
    with Performer(head, RESTED, np.zeros(100, np.float32)) as performer:
        assert performer.see(black, -0.1) is None and performer.status == "no face in the picture"
        drives = [performer.see(frame.image, frame.time) for frame in frames]
        assert performer.status == "10.0 frames/s"
        assert performer.see(black, frames[-1].time + 0.1) is None
    assert [drive is None for drive in drives[:10]] == [True] * 8 + [False] * 2
    seen = detect_faces([frame.image for frame in frames[8:]])
    pose, expression = (np.stack([getattr(drive, name) for drive in drives[8:]]) for name in ("pose", "expression"))
    assert np.abs(pose[0]).max() < 0.15 and np.abs(expression[0] - RESTED).max() < 0.3, "it begins at rest"
    yaw, jaw = np.degrees(pose[:, 4]), pose[:, 6]
    lids = [index for index, name in enumerate(head.expression_names) if name.startswith("eyeBlink")]
    assert np.corrcoef(yaw, yaw_degrees(seen))[0, 1] > 0.8
    assert np.corrcoef(jaw, seen.score("jawOpen"))[0, 1] > 0.6
    assert np.corrcoef(expression[:, lids].mean(axis=1), blink(seen))[0, 1] > 0.6


def test_a_video_that_is_not_there_is_one_sentence():
    pytest.importorskip("viser", reason="needs viser: pip install -e '.[viewer]'")
    from pegasus_jax.viewer.server import watch

    with pytest.raises(UserError, match="--live=nowhere"):
        watch("nowhere", None)
