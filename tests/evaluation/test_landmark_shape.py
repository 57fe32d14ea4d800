import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from pegasus_jax.capture import FaceDetections, detect_faces
from pegasus_jax.capture.video import read_frames
from pegasus_jax.evaluation.landmark_shape import landmark_shape_identity, mean_shape

LIP_CORNERS, BROW, CHEEK = [61, 291], 105, 205


def clip(shape: np.ndarray, *, seed: int = 0, frames: int = 6, noise: float = 0.0) -> FaceDetections:
    """`shape` (478, 3) in random poses, sizes and places."""
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(rng.normal(0, 0.4, (frames, 3)))
    moved = np.stack([turn.apply(shape) for turn in turns]) * rng.uniform(50, 200, (frames, 1, 1))
    landmarks = moved + rng.uniform(0, 300, (frames, 1, 3)) + noise * rng.standard_normal(moved.shape)
    return FaceDetections(np.ones(frames, int), landmarks, np.zeros((frames, 52)), np.zeros((frames, 4, 4)))


def random_shapes() -> tuple[np.ndarray, np.ndarray]:
    """A face and a neighbour of it."""
    shape, change = np.random.default_rng(5).standard_normal((2, 478, 3))
    return shape, shape + 0.1 * change


def test_pose_size_and_place_make_no_difference():
    shape, _ = random_shapes()
    assert landmark_shape_identity(clip(shape), clip(shape, seed=1, frames=3)) == pytest.approx(0.0, abs=1e-6)


def test_two_shapes_are_their_procrustes_distance_apart():
    shapes = [mean_shape(clip(shape, seed=seed)) for seed, shape in enumerate(random_shapes())]
    *_, disparity = procrustes(*shapes)
    faces = [clip(shape, seed=seed + 7) for seed, shape in enumerate(random_shapes())]
    assert landmark_shape_identity(*faces) == pytest.approx(np.sqrt(disparity), rel=1e-6)
    assert landmark_shape_identity(*faces[::-1]) == pytest.approx(landmark_shape_identity(*faces), rel=1e-6)


def test_lips_and_brows_may_move_but_not_cheeks():
    shape, _ = random_shapes()
    for point, moves in ((LIP_CORNERS, False), (BROW, False), (CHEEK, True)):
        changed = shape.copy()
        changed[point] += 0.5
        assert (landmark_shape_identity(clip(changed), clip(shape, seed=1)) > 1e-3) == moves


def test_noise_of_the_detector_averages_out():
    shape, _ = random_shapes()
    few, many = (
        landmark_shape_identity(clip(shape, frames=count, noise=5.0), clip(shape, seed=1, frames=count, noise=5.0))
        for count in (2, 32)
    )
    assert many < 0.4 * few


def test_frames_without_a_face_are_left_out_and_one_is_needed():
    shape, other = random_shapes()
    faces, strangers = clip(shape), clip(other)
    mixed = np.concatenate([faces.landmarks, strangers.landmarks])
    counts = np.repeat([1, 0], 6)
    both = FaceDetections(counts, mixed, np.zeros((12, 52)), np.zeros((12, 4, 4)))
    assert landmark_shape_identity(both, faces) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ValueError, match="at least one picture with a face"):
        landmark_shape_identity(faces, both[6:])


def test_halves_of_real_clips_are_nearer_than_other_people(real_data, monkeypatch):
    monkeypatch.setenv("PEGASUS_ASSETS", str(real_data / "mediapipe"))
    halves = []
    for name in ("subject_b", "subject_d"):
        frames = read_frames(real_data / "videos" / f"{name}.mp4", fps=1)
        faces = detect_faces(frame.image for frame in frames)
        halves += [faces[: len(faces.counts) // 2], faces[len(faces.counts) // 2 :]]
    same = max(landmark_shape_identity(halves[0], halves[1]), landmark_shape_identity(halves[2], halves[3]))
    assert same < 0.5 * min(landmark_shape_identity(a, b) for a in halves[:2] for b in halves[2:])
