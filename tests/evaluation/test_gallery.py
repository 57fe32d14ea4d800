"""Galleries and portraits, seen by networks and a detector whose opinion is known."""

import numpy as np
import pytest

from pegasus_jax.capture import face_landmarks
from pegasus_jax.capture.face_landmarks import FaceDetections
from pegasus_jax.evaluation import gallery, portraits
from pegasus_jax.evaluation.distribution import frechet_distance, kernel_distance
from pegasus_jax.evaluation.gallery import Gallery, Judges
from pegasus_jax.evaluation.portraits import Observer, Portraits, compared, consistency
from pegasus_jax.evaluation.weights import NotComputed

MISSING = NotComputed("a file")
SIDE = 64
TEMPLATE = np.random.default_rng(7).uniform(16, 48, (face_landmarks.NUM_LANDMARKS, 3)).astype(np.float32)


def colours(images):
    """A network that sees the mean colour alone."""
    return np.asarray(images, np.float64).mean(axis=(1, 2))


def embed(crops):
    """An identity network that sees a pixel in the middle of the face alone."""
    return np.asarray(crops, np.float64)[:, 71, 56]


def detect(images):
    """The same face in every picture that is not white."""
    found = np.array([image.mean() < 250 for image in images])
    landmarks = np.where(found[:, None, None], TEMPLATE, np.nan)
    count = len(found)
    return FaceDetections(found.astype(int), landmarks, np.zeros((count, 52)), np.tile(np.eye(4), (count, 1, 1)))


@pytest.fixture
def observer(monkeypatch):
    monkeypatch.setattr(portraits, "missing_landmarker", lambda: None)
    monkeypatch.setattr(portraits, "detect_faces", detect)
    return Observer(embed, MISSING)


def plain(*levels):
    return np.stack([np.broadcast_to(np.float32(level), (SIDE, SIDE, 3)) for level in levels])


RED, GREEN, GREY, WHITE = (0.8, 0, 0), (0, 0.8, 0), (0.4, 0.4, 0.4), (1, 1, 1)


def test_identity_is_the_mean_cosine_where_both_have_a_face(observer):
    mine, theirs = observer.look(plain(RED, RED, WHITE)), observer.look(plain(RED, GREY, GREY))
    found = compared(mine, theirs)
    assert found["faces"] == 2
    assert found["arcface"] == pytest.approx((1 + 1 / np.sqrt(3)) / 2, abs=1e-4)
    assert found["landmark_shape"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(compared(observer.look(plain(WHITE)), observer.look(plain(WHITE)))["arcface"])


def test_consistency_is_over_neighbours_and_over_all_pairs(observer):
    found = consistency(observer.look(plain(RED, RED, GREEN)))
    assert found["tl_id"] == pytest.approx(0.5, abs=1e-4)
    assert found["tg_id"] == pytest.approx(1 / 3, abs=1e-4)


def test_descriptors_are_compared_where_both_have_a_face(observer):
    def describe(images, faces):
        """Ten times the mean colour."""
        return np.where(faces.found[:, None], images.mean(axis=(1, 2)) / 25.5, np.nan)

    observer = Observer(MISSING, describe)
    seen = observer.look(plain(RED, GREEN, WHITE))
    found = compared(seen, observer.look(plain(RED, GREY, GREY)))
    assert found["dlib_distance"] == pytest.approx(np.linalg.norm([4, -4, 4]) / 2, abs=0.02)
    assert found["arcface"] is MISSING
    assert consistency(seen)["dlib_adjacent"] == pytest.approx(np.linalg.norm([8, 8]), abs=0.02), "white has no face"


def test_what_has_no_file_is_not_computed(observer, monkeypatch):
    blind = Observer(MISSING, MISSING).look(plain(RED))
    found = compared(blind, blind)
    assert found["arcface"] is MISSING and found["dlib_distance"] is MISSING and found["faces"] == 1
    unseen = Portraits(MISSING, MISSING, MISSING)
    assert set(compared(unseen, blind).values()) == {MISSING} == set(consistency(unseen).values())


def test_a_gallery_is_compared_with_a_reference(observer):
    hung = Gallery(Judges(observer, colours, MISSING), observer.look(plain(RED, GREY)))
    looks = [plain(RED, GREEN), plain(GREY, RED)]
    for images in looks:
        hung.hang([images])
    features, reference = colours(np.concatenate(looks)), np.random.default_rng(0).random((6, 3))
    found = hung.figures(reference)
    assert (found["looks"], found["pictures"]) == (2, 4)
    assert found["fid"] == frechet_distance(features, reference)
    assert found["kid"] == kernel_distance(features, reference).mean
    assert found["arcface"] == pytest.approx(np.mean([1, 1 / np.sqrt(3), 1 / np.sqrt(3), 1 / np.sqrt(3)]), abs=1e-4)
    assert "ppl" not in found
    assert hung.figures(MISSING)["fid"] is MISSING


def test_a_path_in_one_pose_is_as_long_as_its_steps(observer, monkeypatch):
    monkeypatch.setattr(gallery, "distances", lambda lpips, a, b: np.abs(b - a).mean(axis=(1, 2, 3)))
    hung = Gallery(Judges(observer, MISSING, None), observer.look(plain(RED, RED)))
    levels = [(0.2, 0.2), (0.3, 0.3), (0.6, 0.4)]  # of each look in two poses
    assert len(hung.hang([plain(*((level,) * 3 for level in pair)) for pair in levels])) == 3
    found = hung.figures(MISSING)
    assert found["ppl"] == pytest.approx((0.4 + 0.2) / 2)
    assert found["pdv"] == pytest.approx((0.01 + 0) / 2), "variance of 0.1 and 0.3, and of 0.1 twice"
    assert found["pdv_deviation"] == pytest.approx(0.1 / 2)
    assert found["l1_length"] == pytest.approx(0.3)
    assert found["l1_largest_step"] == pytest.approx((1.5 + 1) / 2)


def test_paths_have_a_length_without_weights(observer):
    hung = Gallery(Judges(observer, MISSING, MISSING), observer.look(plain(RED)))
    hung.hang([plain(RED), plain(GREY)])
    found = hung.figures(MISSING)
    assert {found["ppl"], found["pdv"], found["pdv_deviation"]} == {MISSING} and found["l1_length"] == pytest.approx(
        0.4
    )
