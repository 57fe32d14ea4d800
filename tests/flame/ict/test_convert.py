"""The head built from the published meshes, against the first open head, which other code made from them."""

import numpy as np
import pytest

MICROMETRE = 1e-6

EXACT = (
    *("f", "parents", "kintree_table", "joint_names", "expression_names", "source_vertex", "part", "part_names"),
    *("mediapipe_indices", "mediapipe_face_idx", "mediapipe_bary", "mediapipe_contour", "mediapipe_from_canonical"),
    *("iris_indices", "iris_face_idx", "iris_bary", "lmk68_vertex", "full_lmk_faces_idx", "full_lmk_bary_coords"),
)


@pytest.fixture(scope="module")
def rim(arrays, first_head, facekit):
    """(V,) bool: vertices at the neck's cut, whose smoothing the table holds as means of neighbours."""
    kept = facekit["neutral"][first_head["source_vertex"]] / 1e8 - np.array([0.0, 0.006, 0.03])
    return np.abs(kept - first_head["v_template"]).max(axis=1) > MICROMETRE


@pytest.mark.parametrize("name", EXACT)
def test_topology_landmarks_and_names_are_those_of_the_first_head(arrays, first_head, name):
    np.testing.assert_array_equal(arrays[name], first_head[name])
    assert arrays[name].dtype == first_head[name].dtype


def test_regions_are_those_of_the_first_head(arrays, first_head):
    masks = [name for name in first_head if name.startswith("mask_")]
    assert len(masks) == 20
    for name in masks:
        np.testing.assert_array_equal(arrays[name], first_head[name])


@pytest.fixture(scope="module")
def eyeballs(first_head):
    """(V,) bool: they are made smaller."""
    return first_head["mask_left_eyeball"] | first_head["mask_right_eyeball"]


def test_the_template_is_that_of_the_first_head(arrays, first_head, rim, eyeballs):
    difference = np.abs(arrays["v_template"] - first_head["v_template"]).max(axis=1)
    assert difference[~rim & ~eyeballs].max() < 0.1 * MICROMETRE
    assert rim.sum() == 125 and difference[rim].max() < 20 * MICROMETRE  # 12 measured
    assert 0 < difference[eyeballs].max() < 600 * MICROMETRE


def test_expressions_are_those_of_the_first_head(arrays, first_head, rim):
    difference = np.abs(arrays["shapedirs"] - first_head["shapedirs"])[:, :, 100:].max(axis=(1, 2))
    assert difference[~rim].max() < 15 * MICROMETRE  # 14 measured: mouthClose, which hangs on the jaw's weights
    assert difference[rim].max() < 20 * MICROMETRE


def test_identities_are_those_of_the_first_head_up_to_sign(arrays, first_head, eyeballs):
    ours, first = (head["shapedirs"][:, :, :100].astype(np.float64) for head in (arrays, first_head))
    difference = np.abs(ours * np.sign(np.sum(ours * first, axis=(0, 1))) - first).max(axis=(1, 2))
    assert difference[~eyeballs].max() < 50 * MICROMETRE  # 40 measured, at the rim; a face varies by 9 mm


def test_joints_are_those_of_the_first_head(arrays, first_head):
    np.testing.assert_allclose(arrays["J"], first_head["J"], atol=1e-7)
    np.testing.assert_allclose(arrays["J_regressor"], first_head["J_regressor"], atol=1e-6)
    np.testing.assert_allclose(arrays["J_regressor"] @ arrays["v_template"], arrays["J"], atol=1e-7)
    assert arrays["meta_jaw_open_angle"] == pytest.approx(first_head["meta_jaw_open_angle"], abs=1e-6)


def test_weights_of_jaw_and_eyes_are_those_of_the_first_head(arrays, first_head):
    # The jaw's share near its hinge hangs on how it is smoothed: 0.0143 measured, below 0.001 at 96 % of the vertices.
    difference = np.abs(arrays["weights"] - first_head["weights"])[:, 2:].max(axis=1)
    assert difference.max() < 0.02 and np.mean(difference < 1e-3) > 0.95
    np.testing.assert_allclose(arrays["weights"].sum(axis=1), 1.0, atol=1e-6)


def test_the_open_jaw_is_icts(arrays, facekit, rim, eyeballs):
    """FLAME's posing, in NumPy, of a jaw open by the hinge's angle."""
    jaw_open = facekit["expression"][facekit["expression_names"].tolist().index("jawOpen")] / 1e8
    sin, cos = (f(float(arrays["meta_jaw_open_angle"])) for f in (np.sin, np.cos))
    rotation, joint = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]), arrays["J"][2]
    feature = np.zeros(36)
    feature[9:18] = (rotation - np.eye(3)).ravel()
    corrected = arrays["v_template"] + arrays["posedirs"] @ feature
    weight = arrays["weights"][:, 2:3]
    posed = weight * ((corrected - joint) @ rotation.T + joint) + (1 - weight) * corrected
    difference = np.abs(posed - arrays["v_template"] - jaw_open[arrays["source_vertex"]]).max(axis=1)
    assert difference[~rim & ~eyeballs].max() < 2 * MICROMETRE
