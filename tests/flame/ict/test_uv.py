import numpy as np


def _signed_areas(arrays):
    (ax, ay), (bx, by) = np.diff(arrays["vt"][arrays["ft"]], axis=1).transpose(1, 2, 0)
    return 0.5 * (ax * by - ay * bx)


def test_the_layout_fills_the_square_with_the_face_in_its_middle(arrays):
    assert arrays["ft"].shape == arrays["f"].shape
    assert arrays["vt"].min() >= 0 and arrays["vt"].max() <= 1
    assert np.array_equal(np.unique(arrays["ft"]), np.arange(len(arrays["vt"])))
    nose = np.isin(arrays["f"], np.flatnonzero(arrays["mask_nose"]))
    middle = arrays["vt"][arrays["ft"][nose]].mean(axis=0)
    assert abs(middle[0] - 0.5) < 0.01 and 0.5 < middle[1] < 0.85


def test_the_skin_lies_flat_and_the_face_has_most_of_the_room(arrays):
    areas = _signed_areas(arrays)
    skin, face = (arrays[f"mask_{name}"][arrays["f"]].all(axis=1) for name in ("skin", "face"))
    assert np.mean(areas[skin] <= 0) < 0.003  # 17 of 11553 measured
    assert areas[face].sum() > 0.25 > areas[skin & ~face].sum()


def test_texture_vertices_belong_to_one_vertex_each_save_at_the_seam(arrays):
    pairs = np.unique(np.stack([arrays["ft"].ravel(), arrays["f"].ravel()], axis=1), axis=0)
    assert len(pairs) - len(arrays["vt"]) < 100  # 64 triangles span the seam of face and back of head
