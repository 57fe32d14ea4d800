import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head

from . import fake_flame


def _distinct_triangles():
    """FLAME-like arrays whose triangles have three corners, no two the same."""
    truth = fake_flame.arrays()
    rows = np.arange(200)
    truth["f"] = np.stack([rows % 120, (rows + 1 + rows // 120) % 120, (rows + 7) % 120], axis=1).astype(np.uint32)
    return truth


def _write_obj(folder, faces, seed=0):
    """A mesh whose triangles are shuffled and begin with any corner; returns the coordinates of each corner."""
    rng = np.random.default_rng(seed)
    uv = rng.uniform(size=(300, 2)).round(4)
    corners = rng.integers(0, 300, faces.shape)
    lines = [f"v {k} 0 0" for k in range(120)] + [f"vt {u} {v}" for u, v in uv]
    for row in rng.permutation(len(faces)):
        turn = rng.integers(3)
        pairs = np.roll(np.stack([faces[row], corners[row]], axis=1), turn, axis=0) + 1
        lines.append("f " + " ".join(f"{v}/{vt}/{v}" for v, vt in pairs))
    (folder / "head_template_mesh.obj").write_text("\n".join(lines) + "\n")
    return uv[corners]


def test_a_template_mesh_beside_the_model_lays_it_out(tmp_path):
    truth = _distinct_triangles()
    expected = _write_obj(tmp_path, truth["f"].astype(int))
    head = load_head(fake_flame.write_flame(tmp_path / "flame.pkl", truth))
    np.testing.assert_allclose(head.uv.vertices[head.uv.triangles], expected, atol=1e-6)


def test_the_texture_space_of_flame_s_site_lays_it_out(tmp_path):
    truth = _distinct_triangles()
    vt, ft = np.random.default_rng(0).uniform(size=(50, 2)), np.random.default_rng(1).integers(0, 50, (200, 3))
    np.savez(tmp_path / "FLAME_texture.npz", vt=vt, ft=ft, mean=np.zeros((4, 4, 3)))
    head = load_head(fake_flame.write_flame(tmp_path / "flame.pkl", truth))
    np.testing.assert_allclose(head.uv.vertices[head.uv.triangles], vt[ft], atol=1e-6)


def test_without_either_there_is_no_layout(tmp_path):
    assert load_head(fake_flame.write_flame(tmp_path / "flame.pkl")).uv is None


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("v 0 0 0\nf 1 1 1\n", "no triangles with texture coordinates"),
        ("vt 0 x\nf 1/1 2/1 3/1\n", "that are no numbers"),
        ("vt 0 0\nf 1/1 2/1 3/1\n", "it is the mesh of another one"),
    ],
)
def test_a_mesh_that_does_not_fit_gives_one_sentence(tmp_path, content, sentence):
    (tmp_path / "head_template_mesh.obj").write_text(content)
    with pytest.raises(UserError, match=sentence):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl", _distinct_triangles()))


@pytest.mark.parametrize(
    "arrays, sentence",
    [
        ({"vt": np.zeros((4, 2))}, "not FLAME's texture space"),
        ({"vt": np.zeros((4, 2)), "ft": np.zeros((7, 3), int)}, "it is for another head"),
        ({"vt": np.zeros((4, 2)), "ft": np.full((200, 3), 9)}, "outside its 4"),
        ({"vt": np.full((4, 2), 2.0), "ft": np.zeros((200, 3), int)}, "between 0 and 1"),
    ],
)
def test_a_texture_space_that_does_not_fit_gives_one_sentence(tmp_path, arrays, sentence):
    np.savez(tmp_path / "FLAME_texture.npz", **arrays)
    with pytest.raises(UserError, match=sentence):
        load_head(fake_flame.write_flame(tmp_path / "flame.pkl"))
