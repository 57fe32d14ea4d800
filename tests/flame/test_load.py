import numpy as np
import pytest

from pegasus_jax import assets
from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head, load_head

from . import fake_flame


def _npz_arrays():
    content = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in fake_flame.arrays().items()}
    content["shapedirs"] = content["shapedirs"][:, :, :150]
    faces, bary = fake_flame.embedding((68,))
    mp_faces, mp_bary = fake_flame.embedding((4,), seed=5)
    return content | {
        "full_lmk_faces_idx": faces,
        "full_lmk_bary_coords": bary,
        "mediapipe_face_idx": mp_faces,
        "mediapipe_bary": mp_bary,
        "mediapipe_indices": np.array([1, 33, 61, 199]),
        "mediapipe_contour": np.array([False, False, False, True]),
        "expression_names": np.array([f"e{k}" for k in range(50)]),
        "mask_nose": np.arange(fake_flame.NUM_VERTICES) < 7,
        "meta_name": np.array("toy"),
    }


@pytest.fixture
def no_assets(monkeypatch, tmp_path):
    monkeypatch.delenv("FLAME_PATH", raising=False)
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_npz_head(tmp_path):
    content = _npz_arrays()
    np.savez(tmp_path / "toy.npz", **content)
    head = load_head(tmp_path / "toy.npz")
    np.testing.assert_allclose(head.v_template, 4.0 * content["v_template"], rtol=1e-6)
    np.testing.assert_allclose(head.exprdirs, 4.0 * content["shapedirs"][:, :, 100:], rtol=1e-6)
    np.testing.assert_array_equal(head.lbs_weights, content["weights"])
    assert head.mediapipe_indices == (1, 33, 61, 199)
    assert head.mediapipe_contour == (False, False, False, True)
    assert head.expression_names[:2] == ("e0", "e1")
    assert head.regions["nose"].sum() == 7
    assert head.contour is None and head.iris is None
    assert head.name == "toy"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("expression_names", np.array(["e0"]), "'expression_names' must hold 50 values"),
        ("expression_names", np.zeros(50), "'expression_names' must hold 50 values"),
        ("mediapipe_indices", np.array([1, 2]), "'mediapipe_indices' must hold 4 values"),
        ("mediapipe_contour", np.zeros(4), "'mediapipe_contour' must hold 4 values"),
        ("full_lmk_faces_idx", np.zeros(68), r"\(full_lmk_faces_idx, full_lmk_bary_coords\): .* not whole numbers"),
        (
            "full_lmk_bary_coords",
            np.full((68, 3), 1j),
            "barycentric coordinates has values that are not finite",
        ),
        ("full_lmk_bary_coords", np.full((68, 3), np.nan), "barycentric coordinates has values that are not finite"),
        ("mask_nose", np.zeros(120), "array 'mask_nose' must hold one value per vertex"),
        ("weights", np.full((120, 5), 0.3), "'weights' must have rows of shares that sum to 1"),
    ],
)
def test_an_npz_head_that_is_wrong_is_named(tmp_path, name, value, sentence):
    np.savez(tmp_path / "toy.npz", **(_npz_arrays() | {name: value}))
    with pytest.raises(UserError, match=sentence):
        load_head(tmp_path / "toy.npz")


def test_npz_head_with_a_texture_layout_and_teeth(tmp_path):
    content = _npz_arrays()
    content["vt"] = np.random.default_rng(0).uniform(size=(30, 2)).astype(np.float32)
    content["ft"] = np.random.default_rng(1).integers(0, 30, content["f"].shape)
    content |= {"part": np.arange(fake_flame.NUM_VERTICES) % 3, "part_names": np.array(["skin", "teeth", "gums"])}
    np.savez(tmp_path / "toy.npz", **content)
    head = load_head(tmp_path / "toy.npz")
    np.testing.assert_array_equal(head.uv.vertices[head.uv.triangles], content["vt"][content["ft"]])
    np.testing.assert_array_equal(head.regions["teeth"], content["part"] == 1)


def test_order_of_search(tmp_path, no_assets, monkeypatch):
    assert load_head().name == "builtin"
    np.savez(tmp_path / "toy.npz", **_npz_arrays())
    folder = assets.search_folders()[0]
    folder.mkdir(parents=True)
    (folder / "ict_head.npz").write_bytes((tmp_path / "toy.npz").read_bytes())
    assert load_head().name == "toy"
    flame = fake_flame.write_flame(tmp_path / "my_flame.pkl")
    monkeypatch.setenv("FLAME_PATH", str(flame))
    assert load_head().name == "my_flame"
    assert load_head(tmp_path / "toy.npz").name == "toy"


def test_builtin_head_is_made_once():
    assert builtin_head() is builtin_head()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"full_lmk_faces_idx": np.zeros(3, int)}, "triangles need as many barycentrics"),
        ({"full_lmk_faces_idx": np.full(68, 10**6)}, "it is for another head"),
        ({"full_lmk_bary_coords": np.ones((68, 3))}, "must sum to 1"),
        ({"mask_nose": np.ones(3, bool)}, "'mask_nose' must hold one value per vertex"),
        ({"weights": np.full((120, 5), np.inf, np.float32)}, "'weights' has NaN or infinite values"),
    ],
)
def test_bad_npz_gives_one_sentence(tmp_path, change, sentence):
    np.savez(tmp_path / "toy.npz", **(_npz_arrays() | change))
    with pytest.raises(UserError, match=sentence):
        load_head(tmp_path / "toy.npz")


def test_missing_landmarks_in_npz(tmp_path):
    content = _npz_arrays()
    del content["full_lmk_faces_idx"]
    np.savez(tmp_path / "toy.npz", **content)
    with pytest.raises(UserError, match="must hold 68 landmarks"):
        load_head(tmp_path / "toy.npz")


def test_npz_with_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "toy.npz", v_template=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match=r"not an \.npz of plain arrays"):
        load_head(tmp_path / "toy.npz")


def test_files_that_are_no_heads(tmp_path):
    with pytest.raises(UserError, match="there is no head model at"):
        load_head(tmp_path / "missing.pkl")
    (tmp_path / "head.obj").write_text("v 0 0 0")
    with pytest.raises(UserError, match=r"must end in .pkl \(FLAME\) or .npz"):
        load_head(tmp_path / "head.obj")
    (tmp_path / "head.npz").write_text("not a zip")
    with pytest.raises(UserError, match=r"not an \.npz of plain arrays"):
        load_head(tmp_path / "head.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(UserError, match="it has no array 'v_template'"):
        load_head(tmp_path / "other.npz")


def test_open_head(real_data):
    head = load_head(real_data / "assets" / "ict_head.npz")
    assert head.num_vertices == 8262 and head.name == "ict_head"
    assert len(head.mediapipe_indices) == 468 and head.iris.faces_idx.shape == (10,)
    np.testing.assert_allclose(head.lbs_weights.sum(-1), 1.0, atol=1e-5)
    assert {"scalp", "nose", "lips", "left_eyeball"} <= set(head.regions)
