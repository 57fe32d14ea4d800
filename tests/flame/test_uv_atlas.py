import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.model import Embedding, TextureLayout
from pegasus_jax.flame.uv_atlas import layout_of, look_up, rasterise, texture_coordinates

from . import heads


def _square():
    """Two triangles that make the unit square's middle half, cut along a diagonal."""
    vertices = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]], np.float32)
    return TextureLayout(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def test_texels_name_the_triangle_under_their_centre():
    atlas = rasterise(_square(), size=8)
    expected = np.full((8, 8), -1)
    for row in range(8):
        for column in range(8):
            u, v = (column + 0.5) / 8, 1 - (row + 0.5) / 8
            if 0.25 <= u <= 0.75 and 0.25 <= v <= 0.75:
                expected[row, column] = 0 if u >= v else 1
    assert np.array_equal(atlas.faces_idx, expected)
    assert not atlas.bary[~atlas.is_surface].any()


def test_the_place_of_a_texel_has_the_texel_s_coordinates():
    layout = builtin_head().uv
    atlas = rasterise(layout, size=128)
    row, column = np.nonzero(atlas.is_surface)
    found = texture_coordinates(layout, atlas.places())
    assert np.allclose(found, np.stack([(column + 0.5) / 128, 1 - (row + 0.5) / 128], axis=1), atol=1e-4)


def test_a_shared_edge_leaves_no_gap_whatever_the_angle():
    rng = np.random.default_rng(0)
    for _ in range(20):
        middle, around = rng.uniform(0.4, 0.6, 2), np.sort(rng.uniform(0, 2 * np.pi, 7))
        ring = np.clip(0.5 + 0.7 * np.stack([np.cos(around), np.sin(around)], axis=1), 0, 1)
        if np.diff(around, append=around[0] + 2 * np.pi).max() > 3.0:
            continue
        fan = [[0, 1 + k, 1 + (k + 1) % 7] for k in range(7)]
        atlas = rasterise(TextureLayout(np.vstack([middle, ring]).astype(np.float32), np.array(fan, np.int32)), size=40)
        inside = atlas.is_surface
        assert not (
            ~inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        ).any()


def test_of_charts_that_overlap_the_first_triangle_is_taken():
    layout = _square()
    both = TextureLayout(layout.vertices, np.concatenate([layout.triangles, layout.triangles[:, [1, 2, 0]]]))
    assert np.array_equal(rasterise(both, size=16).faces_idx, rasterise(layout, size=16).faces_idx)


def test_a_margin_repeats_the_nearest_place():
    plain, wide = rasterise(_square(), size=16), rasterise(_square(), size=16, margin=2)
    assert np.array_equal(wide.faces_idx[plain.is_surface], plain.faces_idx[plain.is_surface])
    assert wide.is_surface[2:-2, 2:-2].sum() > 1.5 * plain.is_surface.sum() and not wide.is_surface[0].any()
    assert np.array_equal(wide.bary[3, 8], plain.bary[4, 8])


def test_triangles_without_area_take_no_texel():
    layout = _square()
    flat = TextureLayout(layout.vertices, np.array([[0, 0, 1], [0, 1, 2]], np.int32))
    assert set(np.unique(rasterise(flat, size=16).faces_idx)) == {-1, 1}


def test_a_texture_of_coordinates_looks_up_coordinates():
    size = 64
    column, row = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    texture = jnp.asarray(np.stack([column / size, 1 - row / size], axis=-1), jnp.float32)
    wanted = np.random.default_rng(0).uniform(0.05, 0.95, (50, 2)).astype(np.float32)
    assert np.allclose(look_up(texture, wanted), wanted, atol=1e-5)


def test_look_up_gives_a_texture_the_gradient_of_its_texels():
    wanted = np.array([[0.53, 0.41]], np.float32)
    gradient = jax.grad(lambda texture: look_up(texture, wanted).sum())(jnp.zeros((8, 8, 1)))
    assert np.isclose(gradient.sum(), 1.0) and np.count_nonzero(gradient) == 4


def test_the_built_in_head_is_laid_out_one_to_one():
    head = builtin_head()
    layout = head.uv
    (ax, ay), (bx, by) = np.diff(layout.vertices[layout.triangles].astype(np.float64), axis=1).transpose(1, 2, 0)
    assert (ax * by - ay * bx > 0).all()  # no triangle is turned over ...
    size = 1024
    atlas = rasterise(layout, size=size)
    areas = 0.5 * (ax * by - ay * bx)
    assert np.isclose(areas.sum(), atlas.is_surface.mean(), atol=2e-3)  # ... and none lies on another
    counts = np.bincount(atlas.faces_idx[atlas.is_surface], minlength=len(areas)) / size**2
    assert (
        np.abs(counts - areas)[areas > 20 / size**2].max() < 20 / size**2
    )  # texels along its edges: teeth lie along rows


def test_the_built_in_face_is_in_the_middle_the_right_way_up():
    head = builtin_head()
    of = lambda region: head.uv.vertices[  # noqa: E731
        head.uv.triangles[np.asarray(head.regions[region])[head.faces].all(axis=1)]
    ].mean(axis=(0, 1))
    assert abs(of("nose")[0] - 0.5) < 0.01
    assert of("left_eyebrow")[0] > 0.5 > of("right_eyebrow")[0]
    assert of("left_eyebrow")[1] > of("lips")[1]


def test_only_the_cut_at_the_back_and_rims_are_seams():
    head = builtin_head()
    used = np.unique(np.stack([head.faces.reshape(-1), head.uv.triangles.reshape(-1)], axis=1), axis=0)
    doubled = np.flatnonzero(np.bincount(used[:, 0]) > 1)
    face = np.asarray(head.regions["face"])[doubled]
    inner = np.isin(doubled, head.faces[~np.asarray(head.regions["skin"])[head.faces].all(axis=1)])
    assert not (face & ~inner).any()


def test_a_head_without_a_layout_says_what_to_do():
    head = heads.random_head()
    with pytest.raises(UserError, match=r"has no texture layout: build the open head anew"):
        layout_of(head)
    assert layout_of(builtin_head()) is builtin_head().uv


def test_places_of_a_surface_point_go_both_ways():
    layout = builtin_head().uv
    atlas = rasterise(layout, size=512)
    places = Embedding(np.array([5, 700]), np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]], np.float32))
    u, v = texture_coordinates(layout, places).T
    found = atlas.faces_idx[((1 - v) * 512).astype(int), (u * 512).astype(int)]
    assert np.array_equal(found, places.faces_idx)
