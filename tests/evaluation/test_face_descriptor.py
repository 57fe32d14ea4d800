"""dlib's descriptor on real frames: near for one person, far for two; and what is opened for it."""

import importlib.util
import itertools
import shutil

import cv2
import numpy as np
import pytest

from pegasus_jax.capture import detect_faces
from pegasus_jax.capture.video import read_frames
from pegasus_jax.evaluation import face_descriptor, weights
from pegasus_jax.evaluation.face_descriptor import (
    NETWORK_FILE,
    PREDICTOR_FILE,
    SAME_PERSON,
    FaceDescriptor,
    adjacent_distance,
    descriptor_distance,
    models_folder,
)

CLIPS = ("subject_a", "subject_b", "subject_c", "subject_d")
FRAMES = 4


@pytest.fixture(scope="module")
def folder():
    found = models_folder()
    if found is None:
        pytest.skip("needs the extra `identity`: dlib-bin and face_recognition_models")
    return found


@pytest.fixture(scope="module")
def describe(folder, tmp_path_factory):
    """Loaded from a folder in which the predictor of 68 landmarks is missing: nobody may open it."""
    alone = tmp_path_factory.mktemp("models")
    for name in (NETWORK_FILE, PREDICTOR_FILE):
        shutil.copy(folder / name, alone / name)
    descriptor = FaceDescriptor(alone)
    return lambda images: descriptor(images, detect_faces(images))


@pytest.fixture(scope="module")
def people(describe, real_data):
    """(4, 128) of each clip, from frames two seconds apart."""
    found = {}
    for clip in CLIPS:
        frames = read_frames(real_data / "videos" / f"{clip}.mp4", fps=0.5, max_frames=FRAMES)
        found[clip] = describe(np.stack([frame.image for frame in frames]))
    return found


def distances(first, second):
    return [float(np.linalg.norm(a - b)) for a, b in itertools.product(first, second)]


def test_frames_of_one_person_are_near_each_other_and_of_two_far_apart(people):
    # Seen over all frames a second apart: 0.12 to 0.57 within a clip, 0.65 and more between clips.
    within = [np.linalg.norm(a - b) for one in people.values() for a, b in itertools.combinations(one, 2)]
    between = [d for a, b in itertools.combinations(people.values(), 2) for d in distances(a, b)]
    assert min(within) > 0.1 and max(within) < SAME_PERSON < min(between) and max(between) < 1.1


def test_paintings_of_different_people_are_nearer_than_photographs(describe, real_data, people):
    paths = sorted((real_data / "portraits").glob("*.jpg"))
    assert len(paths) == 5
    described = []
    for path in paths:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        scale = 512 / max(image.shape[:2])
        described.append(describe(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[None])[0])
    apart = [float(np.linalg.norm(a - b)) for a, b in itertools.combinations(described, 2)]
    assert 0.45 < min(apart) < SAME_PERSON and max(apart) < 0.75  # seen: 0.52 to 0.68


def test_pictures_without_a_face_are_nan_and_size_hardly_matters(describe, real_data, people):
    (frame,) = read_frames(real_data / "videos" / "subject_c.mp4", fps=1, max_frames=1)
    small = cv2.resize(frame.image, (256, 256), interpolation=cv2.INTER_AREA)
    described = describe(np.stack([small, np.full_like(small, 255)]))
    assert np.isnan(described[1]).all()
    assert np.linalg.norm(described[0] - people["subject_c"][0]) < 0.3


def test_distances_are_means_over_pairs_with_two_faces():
    described = np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan], [3.0, 4.0], [3.0, 5.0]])
    assert descriptor_distance(described, np.zeros((5, 2))) == pytest.approx((0 + 5 + 5 + np.sqrt(34)) / 4)
    assert adjacent_distance(described) == pytest.approx((5 + 1) / 2)
    assert np.isnan(descriptor_distance(described[2:3], described[:1]))


def test_without_the_extra_it_is_not_computed(monkeypatch):
    find_spec = importlib.util.find_spec
    for missing in ("dlib", "face_recognition_models"):
        monkeypatch.setattr(
            face_descriptor.importlib.util,
            "find_spec",
            lambda name, missing=missing: None if name == missing else find_spec(name),
        )
        assert str(weights.dlib_descriptor()) == (
            "not computed: needs the packages dlib-bin and face_recognition_models: pip install -e '.[identity]'"
        )
