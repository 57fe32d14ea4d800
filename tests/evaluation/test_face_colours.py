"""Colours of the middle of a face, around what was edited."""

import numpy as np
import pytest

from pegasus_jax.capture import FaceDetections
from pegasus_jax.capture.parts import LEFT_EYE, OUTER_LIPS, RIGHT_EYE, part_masks
from pegasus_jax.evaluation.face_colours import colour_similarity, face_colours

SIDE = 128
SKIN, LIPS, HAIR = (0.8, 0.6, 0.5), (0.7, 0.2, 0.2), (0.1, 0.1, 0.1)


def detections(count: int, *, found: bool = True) -> FaceDetections:
    """Every landmark in the middle of the picture, but eyes and mouth on circles where those of a face are."""
    landmarks = np.full((count, 478, 3), SIDE / 2, np.float32)
    for points, centre, radius in ((LEFT_EYE, (84, 44), 8), (RIGHT_EYE, (44, 44), 8), (OUTER_LIPS, (64, 88), 14)):
        turn = np.linspace(0, 2 * np.pi, len(points), endpoint=False)
        landmarks[:, [*points], 0] = centre[0] + radius * np.cos(turn)
        landmarks[:, [*points], 1] = centre[1] + radius * np.sin(turn)
    blank = np.zeros((count, 52), np.float32), np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    return FaceDetections(np.full(count, int(found)), landmarks, *blank)


def faces(lips=LIPS, skin=SKIN) -> np.ndarray:
    pictures = np.full((2, SIDE, SIDE, 3), HAIR)
    pictures[:, 20:110, 25:103] = skin
    mouth = part_masks(detections(1).landmarks[0], np.zeros((SIDE, SIDE)))["mouth"] > 0
    pictures[:, mouth] = lips
    return pictures


def test_a_face_has_all_of_its_own_colours_and_none_of_anothers():
    own = face_colours(faces(), detections(2))
    assert own.sum() == pytest.approx(1.0)
    assert colour_similarity(own, own) == pytest.approx(1.0)
    assert colour_similarity(own, face_colours(faces((0.0, 0.9, 0.0), (0.2, 0.3, 0.9)), detections(2))) == 0.0


def test_hair_around_the_face_does_not_count():
    blond = faces()
    blond[blond == HAIR[0]] = 0.9
    own, other = (face_colours(pictures, detections(2)) for pictures in (faces(), blond))
    assert colour_similarity(own, other) == pytest.approx(1.0)


def test_the_edited_part_does_not_count_and_what_is_around_it_does():
    painted = faces(lips=(0.1, 0.1, 0.9))
    whole = [face_colours(pictures, detections(2)) for pictures in (faces(), painted)]
    around = [face_colours(pictures, detections(2), part="mouth") for pictures in (faces(), painted)]
    assert colour_similarity(*whole) < 0.9
    assert colour_similarity(*around) == pytest.approx(1.0)
    tanned = face_colours(faces(skin=(0.5, 0.3, 0.2)), detections(2), part="mouth")
    assert colour_similarity(around[0], tanned) < 0.1


def test_a_part_that_landmarks_do_not_tell_leaves_nothing_out():
    own, hatted = (face_colours(faces(), detections(2), part=part) for part in (None, "hat"))
    np.testing.assert_array_equal(own, hatted)


def test_without_a_face_there_is_no_figure():
    nothing = face_colours(faces(), detections(2, found=False))
    assert np.isnan(colour_similarity(nothing, nothing))
