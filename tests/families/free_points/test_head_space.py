"""What head vertices lend to points: parts, reach, height and fineness, on the built-in head."""

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.families.free_points.head_space import (
    ANY_PART,
    INNER_PARTS,
    head_space,
    may_show,
    nearest_vertices,
    point_scale,
)
from pegasus_jax.flame import builtin_head


@pytest.fixture(scope="module")
def space():
    return head_space(builtin_head(), jnp.zeros(50))


def region(space, name: str) -> np.ndarray:
    mask = np.zeros(space.head.num_vertices, bool)
    mask[np.asarray(space.head.regions[name])] = True
    return mask


def test_every_vertex_is_nearest_to_itself_and_points_keep_to_their_part(space):
    vertices, parts = space.vertices_fc, space.parts
    assert set(np.unique(parts)) == {0, 1, 2, 3}
    nearest = nearest_vertices(space, vertices, parts)
    np.testing.assert_allclose(vertices[nearest], vertices, atol=1e-3)
    for part in range(4):
        strangers = nearest_vertices(space, vertices, jnp.full(len(vertices), part))
        assert (parts[strangers] == part).all()
    free = nearest_vertices(space, vertices, jnp.full(len(vertices), ANY_PART))
    np.testing.assert_allclose(vertices[free], vertices, atol=1e-3)


def test_points_of_a_triangle_are_within_reach_of_its_nearest_corner(space):
    faces, vertices = np.asarray(space.head.faces), np.asarray(space.vertices_fc)
    middle = vertices[faces].mean(axis=1)
    distance = np.linalg.norm(vertices[faces] - middle[:, None], axis=2)
    corner = faces[np.arange(len(faces)), distance.argmin(axis=1)]
    assert (distance.min(axis=1) <= np.asarray(space.reach)[corner] + 1e-6).all()


def test_lids_lips_and_nose_are_held_and_hair_is_free(space):
    height, reach = np.asarray(space.height), np.asarray(space.reach)
    held = np.isfinite(height)
    np.testing.assert_array_equal(held, np.isfinite(reach))
    is_face = np.asarray(space.is_face)
    assert held.sum() < is_face.sum() and is_face[region(space, "face")].all()
    hair_only = region(space, "scalp") & ~region(space, "face")
    assert hair_only.any() and not held[hair_only].any() and not is_face[hair_only].any()
    for name in INNER_PARTS:
        assert height[region(space, name)].max() < height[region(space, "lips")].min()
    assert height[region(space, "lips")].max() < height[region(space, "nose")].max()


def test_points_are_finer_around_eyes_and_lips_but_not_behind_the_eyes(space):
    fineness, parts = np.asarray(space.fineness), np.asarray(space.parts)
    outside = parts == 0
    assert (fineness[outside & region(space, "eye_regions")] == 0.5).all()
    assert (fineness[outside & region(space, "lips") & ~region(space, "eye_regions")] == 0.7).all()
    assert (fineness[region(space, "mouth_interior")] > 1).all()
    assert (fineness[region(space, "scalp") & ~region(space, "face")] == 1).all()
    for name in ("left_eyeball", "right_eyeball"):
        ball = region(space, name)
        depth = np.asarray(space.vertices_fc)[ball, 2]
        front, back = depth > np.quantile(depth, 0.8), depth < np.quantile(depth, 0.2)
        assert (fineness[ball][front] == 0.5).all() and (fineness[ball][back] == 1).all()
    nearest = np.flatnonzero(fineness < 1)[:2]
    np.testing.assert_array_equal(
        point_scale(space, jnp.asarray(nearest), jnp.array([ANY_PART, parts[nearest[1]]])), [1, fineness[nearest[1]]]
    )


def test_normals_point_away_from_the_middle_of_the_head(space):
    normals, vertices = np.asarray(space.normals_fc), np.asarray(space.vertices_fc)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)
    scalp = region(space, "scalp")
    outward = vertices[scalp] - vertices.mean(axis=0)
    assert (np.sum(normals[scalp] * outward, axis=1) > 0).mean() > 0.97


def test_eyes_mouth_and_the_sides_may_show_the_back_of_the_head_may_not(space):
    vertices = jnp.arange(space.head.num_vertices)
    shown = may_show(space, vertices, space.parts)
    assert shown[np.asarray(space.parts) > 0].all()
    fine = region(space, "eye_regions") | region(space, "lips")
    assert shown[region(space, "ears")].mean() > 0.5 and shown[region(space, "face") & ~fine].mean() > 0.9
    assert not shown[fine & (np.asarray(space.parts) == 0)].any()
    behind = (np.asarray(space.normals_fc)[:, 2] < -0.9) & ~np.asarray(space.is_face)
    assert behind.any() and not shown[behind].any()
    assert not may_show(space, vertices, jnp.full(len(vertices), ANY_PART)).any()
