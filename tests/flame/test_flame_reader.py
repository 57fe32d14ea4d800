import os
import pickle

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head

from . import fake_flame


def _dynamic():
    return fake_flame.embedding((79, 17), seed=3)


def _write_companions(folder, *, box=lambda array: array):
    faces, bary = fake_flame.embedding((1, 68))
    dynamic_faces, dynamic_bary = _dynamic()
    fake_flame.write_npy_dict(
        folder / "landmark_embedding.npy",
        {
            "full_lmk_faces_idx": faces,
            "full_lmk_bary_coords": bary,
            "dynamic_lmk_faces_idx": box(dynamic_faces.astype(np.int64)),
            "dynamic_lmk_bary_coords": box(dynamic_bary.astype(np.float32)),
        },
    )
    return faces[0], bary[0]


def test_geometry_in_head_units_with_the_right_columns(tmp_path):
    truth = fake_flame.arrays()
    head = load_head(fake_flame.write_flame(tmp_path / "flame2020.pkl", truth))
    np.testing.assert_allclose(head.v_template, 4.0 * truth["v_template"], rtol=1e-6)
    np.testing.assert_allclose(head.shapedirs, 4.0 * truth["shapedirs"][:, :, :100], rtol=1e-6)
    np.testing.assert_allclose(head.exprdirs, 4.0 * truth["shapedirs"][:, :, 300:350], rtol=1e-6)
    np.testing.assert_allclose(head.posedirs[7], 4.0 * truth["posedirs"][:, :, 7], rtol=1e-6)
    np.testing.assert_allclose(head.J_regressor, truth["J_regressor"], rtol=1e-6)
    np.testing.assert_allclose(head.lbs_weights, truth["weights"], rtol=1e-6)
    assert head.name == "flame2020" and len(head.sha256) == 64
    assert head.faces.dtype == np.int32


def test_without_companions_landmarks_are_absent(tmp_path):
    head = load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))
    assert head.lmk68.faces_idx.shape == (0,) and head.lmk68.bary.shape == (0, 3)
    assert head.contour is None and head.mediapipe is None
    assert sorted(head.regions) == ["eyeballs", "left_eyeball", "right_eyeball"]


@pytest.mark.parametrize("box", [lambda array: array, fake_flame.Tensor], ids=["numpy", "torch"])
def test_landmark_file_with_everything(tmp_path, box):
    faces, bary = _write_companions(tmp_path, box=box)
    head = load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))
    np.testing.assert_array_equal(head.lmk68.faces_idx, faces)
    np.testing.assert_allclose(head.lmk68.bary, bary, rtol=1e-6)
    np.testing.assert_array_equal(head.contour.faces_idx, _dynamic()[0])
    np.testing.assert_allclose(head.contour.bary, _dynamic()[1], rtol=1e-6)


def test_separate_landmark_files_make_68_points(tmp_path):
    inner_faces, inner_bary = fake_flame.embedding((51,))
    dynamic_faces, dynamic_bary = _dynamic()
    inner = {"lmk_face_idx": inner_faces, "lmk_b_coords": inner_bary}
    (tmp_path / "flame_static_embedding.pkl").write_bytes(fake_flame.python2_pickle(inner))
    dynamic = {"lmk_face_idx": dynamic_faces, "lmk_b_coords": dynamic_bary}
    fake_flame.write_npy_dict(tmp_path / "flame_dynamic_embedding.npy", dynamic)
    head = load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))
    np.testing.assert_array_equal(head.lmk68.faces_idx, np.concatenate([dynamic_faces[0], inner_faces]))


def test_mediapipe_and_masks(tmp_path):
    faces, bary = fake_flame.embedding((105,))
    np.savez(
        tmp_path / "mediapipe_landmark_embedding.npz",
        lmk_face_idx=faces,
        lmk_b_coords=bary,
        landmark_indices=np.arange(105),
    )
    masks = {"left_ear": np.array([41, 42]), "right_ear": np.array([43]), "eye_region": np.array([50])}
    (tmp_path / "FLAME_masks.pkl").write_bytes(fake_flame.python2_pickle(masks))
    head = load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))
    assert head.mediapipe_indices == tuple(range(105)) and not any(head.mediapipe_contour)
    np.testing.assert_array_equal(np.flatnonzero(head.regions["ears"]), [41, 42, 43])
    np.testing.assert_array_equal(np.flatnonzero(head.regions["eye_regions"]), [50])


def _set(name, value):
    def change(content):
        content[name] = value(content[name])

    return change


def _nan(array):
    array = array.copy()
    array.flat[3] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_set("v_template", _nan), "'v_template' has NaN or infinite values"),
        (
            _set("posedirs", lambda a: a[:, :, :9]),
            r"'posedirs' must have shape \(120, 3, 36\); got \(120, 3, 9\)",
        ),
        (_set("shapedirs", lambda a: a[:, :, :10]), r"'shapedirs' must be \(120, 3, 400 or 150\)"),
        (_set("kintree_table", lambda a: np.zeros((2, 24), int)), "has 24 joints"),
        (_set("kintree_table", lambda a: np.array([[0, 0, 1, 2, 3]] * 2)), "must hang from"),
        (_set("f", lambda a: a + 1000), "names a vertex outside the mesh's 120"),
        (lambda content: content.pop("posedirs"), "has no array 'posedirs'"),
        (_set("v_template", lambda a: a.astype(str)), "not numbers"),
        (_set("v_template", lambda a: a * 1e30), "'v_template' has NaN or infinite values"),
        (_set("v_template", lambda a: a[:0]), "0 vertices"),
        (_set("f", lambda a: a[:0]), "0 triangles"),
        (_set("f", lambda a: a.astype(float)), "'f' holds float64, not whole numbers"),
        (_set("weights", lambda a: 0.5 * a), "'weights' must have rows of shares that sum to 1"),
        (_set("weights", lambda a: a - np.array([[1, -1, 0, 0, 0]])), "'weights' must have rows of shares"),
    ],
)
def test_bad_arrays_give_one_sentence(tmp_path, change, sentence):
    content = fake_flame.arrays()
    change(content)
    with pytest.raises(UserError, match=sentence):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl", content))


@pytest.mark.parametrize("vertices", [np.array([120]), np.array([-1]), np.array([0.5]), np.array([[1]])])
def test_masks_that_are_no_vertices_are_named(tmp_path, vertices):
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps({"nose": vertices}, protocol=2))
    with pytest.raises(UserError, match=r"FLAME_masks\.pkl: nose is no list of the head's 120 vertices"):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))


@pytest.mark.parametrize("indices", [None, np.arange(3), np.zeros(105)])
def test_mediapipe_points_without_their_numbers_are_named(tmp_path, indices):
    faces, bary = fake_flame.embedding((105,))
    more = {} if indices is None else {"landmark_indices": indices}
    np.savez(tmp_path / "mediapipe_landmark_embedding.npz", lmk_face_idx=faces, lmk_b_coords=bary, **more)
    with pytest.raises(UserError, match="'landmark_indices' must hold one whole number for each point"):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))


def test_a_companion_that_is_no_file_is_not_passed_over(tmp_path):
    os.symlink("/dev/zero", tmp_path / "FLAME_masks.pkl")
    with pytest.raises(UserError, match=r"FLAME_masks\.pkl is no regular file"):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))


def test_landmarks_of_another_head_are_refused(tmp_path):
    faces, bary = fake_flame.embedding((105,))
    np.savez(tmp_path / "mediapipe_landmark_embedding.npz", lmk_face_idx=faces + 9000, lmk_b_coords=bary)
    with pytest.raises(UserError, match="it is for another head"):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))
