"""Faces as boxes of known places: which of them is followed."""

import cv2
import numpy as np
import pytest

from pegasus_jax.capture import capture_video, quality
from pegasus_jax.capture.face_landmarks import BLENDSHAPE_NAMES, FaceDetections, FaceDetector, missing_face
from pegasus_jax.capture.mattes import around_face
from pegasus_jax.capture.one_face import follow_face, overlap, same_face
from pegasus_jax.capture.video import read_frames
from pegasus_jax.data import read_dataset
from pegasus_jax.flame import load_head
from pegasus_jax.media import write_image

LARGE, SMALL = 100.0, 30.0


def faces(*places: tuple[float, float, float]) -> FaceDetections:
    """Square faces by their centre and side."""
    grid = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 3)).astype(np.float32)
    grid[:4] = [(-0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0), (0.5, -0.5, 0)]
    count = len(places)
    return FaceDetections(
        np.full(count, count),
        np.array([grid * side + (x, y, 0) for x, y, side in places], np.float32).reshape(count, 478, 3),
        np.zeros((count, len(BLENDSHAPE_NAMES)), np.float32),
        np.zeros((count, 4, 4), np.float32),
    )


def poster(frame: int) -> tuple[float, float, float]:
    return 420.0, 60.0, SMALL


def person(frame: int) -> tuple[float, float, float]:
    return 200.0 + 40.0 * np.sin(frame / 5), 250.0, LARGE


def centres(detections: FaceDetections) -> np.ndarray:
    return (detections.landmarks[:, 0, 0] + detections.landmarks[:, 1, 0]) / 2


def test_overlap_is_intersection_over_union():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    others = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    np.testing.assert_allclose(overlap(box, others), [1.0, 1 / 3, 0.0])


def test_the_large_face_is_followed_past_a_poster_in_whatever_order():
    pictures = [faces(*[person(i), poster(i)][:: 1 if i % 2 else -1]) for i in range(20)]
    found = follow_face(pictures)
    assert (found.detections.counts == 1).all() and found.others.all()
    np.testing.assert_allclose(centres(found.detections), [person(i)[0] for i in range(20)], rtol=1e-5)
    assert quality.drop_reasons(found.detections, np.full(20, 9.0), (480, 480)) == [""] * 20
    assert "Other faces are in 20 of 20 frames" in quality.company_warnings(found.others)[0]


def test_a_bystander_who_comes_closer_for_a_moment_is_not_followed():
    pictures = [faces(person(i), (420.0, 250.0, 130.0)) if 8 <= i < 12 else faces(person(i)) for i in range(40)]
    found = follow_face(pictures)
    assert (found.detections.counts == 1).all() and np.flatnonzero(found.others).tolist() == [8, 9, 10, 11]
    np.testing.assert_allclose(centres(found.detections), [person(i)[0] for i in range(40)], rtol=1e-5)


def test_a_poster_alone_is_not_the_person():
    pictures = [faces(poster(i)) if 10 <= i < 15 else faces(poster(i), person(i)) for i in range(30)]
    found = follow_face(pictures)
    assert np.flatnonzero(found.detections.counts == 0).tolist() == [10, 11, 12, 13, 14]
    assert np.isnan(found.detections.landmarks[12]).all() and found.others.all()


def test_a_face_that_was_lost_is_found_elsewhere():
    pictures = [faces((120.0, 200.0, LARGE)) if i < 10 else faces((360.0, 240.0, 0.9 * LARGE)) for i in range(20)]
    pictures[10:12] = [faces(), faces()]
    found = follow_face(pictures)
    assert found.detections.counts.tolist() == [1] * 10 + [0] * 2 + [1] * 8 and not found.others.any()


def test_what_is_ambiguous_is_dropped():
    twins = [faces((120.0, 200.0, LARGE), (360.0, 200.0, 0.95 * LARGE)) for _ in range(10)]
    assert (follow_face(twins).detections.counts == 2).all()
    meeting = [faces(person(i), (person(i)[0] + 40, 250.0, 50.0)) if i > 16 else faces(person(i)) for i in range(20)]
    found = follow_face(meeting)
    assert found.detections.counts.tolist() == [1] * 17 + [2] * 3
    assert quality.drop_reasons(found.detections, np.full(20, 9.0), (480, 480))[17:] == ["2 faces"] * 3


def test_no_faces_and_no_pictures():
    assert follow_face([]).choices.shape == (0,)
    found = follow_face([faces(), faces()])
    assert found.detections.counts.tolist() == [0, 0] and found.detections.landmarks.shape == (2, 478, 3)
    assert quality.company_warnings(found.others) == []


def test_live_the_last_face_is_kept_while_it_is_there():
    first = same_face(faces(poster(0), person(0)), missing_face())
    np.testing.assert_allclose(centres(first), [person(0)[0]], rtol=1e-5)
    second = same_face(faces((440.0, 250.0, 150.0), person(1)), first)
    np.testing.assert_allclose(centres(second), [person(1)[0]], rtol=1e-5)
    assert centres(same_face(faces(poster(2)), second))[0] == pytest.approx(420.0)
    assert not same_face(faces(), second).found[0]


def test_mattes_of_others_beside_the_face_are_left_out():
    matte = np.zeros((200, 200), np.uint8)
    cv2.circle(matte, (80, 120), 50, 255, -1)
    cv2.circle(matte, (170, 30), 20, 255, -1)
    alone = np.zeros_like(matte)
    cv2.circle(alone, (80, 120), 50, 255, -1)
    landmarks = faces((80.0, 120.0, 60.0)).landmarks[0]
    np.testing.assert_array_equal(around_face(matte, landmarks), alone)
    np.testing.assert_array_equal(around_face(alone, landmarks), alone)
    assert not around_face(np.zeros_like(matte), landmarks).any()


def _composed(real_data, out, *, count: int) -> list[np.ndarray]:
    """A clip with a portrait in its upper right corner, as a folder of pictures."""
    portrait = cv2.imread(str(real_data / "portraits" / "leonardo_mona_lisa.jpg"))[..., ::-1]
    height, width = portrait.shape[:2]
    top, left, side = int(0.08 * height), int(0.25 * width), int(0.5 * width)
    face = cv2.resize(portrait[top : top + side, left : left + side], (130, 130), interpolation=cv2.INTER_AREA)
    pictures = []
    for frame in read_frames(real_data / "videos" / "subject_a.mp4", max_frames=count, fps=5):
        picture = np.full((480, 660, 3), 128, np.uint8)
        picture[:, :480] = frame.image
        picture[10:140, 510:640] = face
        pictures.append(picture)
        write_image(out / f"{len(pictures):03d}.png", picture, disclosure=None)
    return pictures


def test_a_portrait_on_the_wall_costs_no_frame(models, tmp_path):
    pictures = _composed(models, tmp_path / "clip", count=8)
    with FaceDetector() as detector:
        seen = [detector.detect_all(picture) for picture in pictures]
    assert sum(len(one.counts) == 2 for one in seen) >= 6, "the portrait is seen as a face"
    found = follow_face(seen)
    assert (found.detections.counts == 1).all() and (found.detections.landmarks[..., 0].max(axis=1) < 480).all()


@pytest.mark.slow
def test_a_clip_with_a_portrait_on_the_wall_is_captured(models, tmp_path):
    _composed(models, tmp_path / "clip", count=10)
    head = load_head(models / "assets" / "ict_head.npz")
    summary = capture_video(tmp_path / "clip", tmp_path / "out", head=head, image_size=128)
    assert summary.num_dropped == 0 and summary.num_frames == 10
    assert [text for text in summary.warnings if text.startswith("Other faces are in")]
    assert len(read_dataset(tmp_path / "out")) == 10
