import json

import cv2
import numpy as np
import pytest

from pegasus_jax.capture import capture_video
from pegasus_jax.capture.observations import _score_names
from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head
from tests.data import strict_imavatar
from tests.media.said import source_type


@pytest.mark.slow
def test_a_real_clip_becomes_a_dataset_within_the_bars(models, tmp_path):
    head = load_head(models / "assets" / "ict_head.npz")
    video, out = models / "videos" / "subject_a.mp4", tmp_path / "a"
    summary = capture_video(video, out, head=head, max_frames=12, fps=2, image_size=256, attribute="hair", donor="ada")
    assert summary.num_frames == 12 and summary.num_dropped == 0
    assert summary.reprojection <= 1.2 and summary.iris <= 2.0
    assert summary.photometric_after < summary.photometric_before
    assert any("turning left and right" in warning for warning in summary.warnings)

    strict_imavatar.read(out)
    dataset = read_dataset(out)
    assert len(dataset) == 12 and dataset.image_size == (256, 256)
    assert dataset.part_names == ("eyebrows", "eyes", "hair", "lips", "mouth", "nose")
    assert np.all(dataset.pose[:, :3] == 0) and np.all(dataset.world_mat[:, 2, 3] < -1)
    assert np.all(dataset.intrinsics * [-1, 1, 1, 1] > 0)
    assert dataset.pose[:, 6].max() > 0.1  # the mouth opens by the jaw

    record = json.loads((out / "capture.json").read_text())
    assert (record["attribute"], record["donor"]) == ("hair", "ada")
    assert record["head"] == {"name": head.name, "sha256": head.sha256}
    assert len(record["source"]["sha256"]) == 64 and len(record["frames"]) == 12
    assert {path.name for path in (out / "figures").iterdir()} == {"overlays.jpg", "parts.jpg", "pose_coverage.png"}
    assert source_type(out / "image" / "1.png") is None and source_type(out / "figures" / "overlays.jpg") is None


def test_a_clip_without_faces_leaves_nothing(models, head, tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), np.full((120, 160, 3), 90, np.uint8))
    with pytest.raises(UserError, match=r"0 usable frames of 3 .3 no face.: film one face"):
        capture_video(tmp_path / "pictures", tmp_path / "out", head=head)
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_a_missing_video_is_said_before_anything_is_written(models, head, tmp_path):
    with pytest.raises(UserError, match="There is no video"):
        capture_video(tmp_path / "me.mp4", tmp_path / "out", head=head)
    assert list(tmp_path.iterdir()) == []


def test_a_tiny_picture_size_is_refused(head, tmp_path):
    with pytest.raises(UserError, match="image_size must be at least 64"):
        capture_video(tmp_path, tmp_path / "out", head=head, image_size=8)


def test_expression_names_find_their_scores():
    assert _score_names("eyeBlink_L") == ("eyeBlinkLeft",)
    assert _score_names("browInnerUp_R") == ("browInnerUp",)
    assert _score_names("eyesLookLeft") == ("eyeLookOutLeft", "eyeLookInRight")
    assert _score_names("mouthPucker") == ("mouthPucker",)
    assert _score_names("earWiggle_L") == ()
