import numpy as np
import pytest

from pegasus_jax.capture import detect_faces
from pegasus_jax.capture.face_landmarks import BLENDSHAPE_NAMES, LEFT_IRIS, RIGHT_IRIS, eye_distance
from pegasus_jax.capture.video import read_frames
from pegasus_jax.errors import UserError


def test_faces_irises_and_scores_are_found_in_real_pictures(models):
    frames = read_frames(models / "videos" / "subject_a.mp4", fps=1)
    found = detect_faces(frame.image for frame in frames)
    num = len(found.counts)
    assert num >= 7 and found.found.all() and found.landmarks.shape == (num, 478, 3)
    assert np.all((eye_distance(found.landmarks) > 120) & (eye_distance(found.landmarks) < 160))
    # The subject's right eye is on the left of the picture.
    assert np.all(found.landmarks[:, RIGHT_IRIS, 0] < found.landmarks[:, LEFT_IRIS, 0])
    assert found.score("jawOpen").max() > 0.4 > 0.1 > found.score("jawOpen").min()
    assert found.blendshapes.shape == (num, len(BLENDSHAPE_NAMES))


def test_pictures_without_a_face_and_with_two_are_counted(models):
    image = next(read_frames(models / "videos" / "subject_a.mp4")).image
    found = detect_faces([np.zeros_like(image), image, np.concatenate([image, image], axis=1)])
    assert found.counts.tolist() == [0, 1, 2]
    assert np.isnan(found.landmarks[0]).all() and not found.found[0]
    assert np.isfinite(found[1:].landmarks).all()


def test_no_pictures_are_no_detections(models):
    assert detect_faces([]).landmarks.shape == (0, 478, 3)


def test_a_missing_model_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path))
    (tmp_path / "face_landmarker.task").write_bytes(b"broken")
    with pytest.raises(UserError, match="is not the model"):
        detect_faces([])
