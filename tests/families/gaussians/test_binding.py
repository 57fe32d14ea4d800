import jax
import numpy as np

from pegasus_jax.families.gaussians import binding, parts
from pegasus_jax.flame import builtin_head

from . import small


def test_places_follow_area_and_density():
    head = builtin_head()
    places = small.bound(20_000)
    faces = np.asarray(head.faces)
    corners = np.asarray(head.v_template)[faces]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    per_area = np.bincount(places.faces_idx, minlength=len(faces)) / area
    by_part = parts.triangle_parts(head)
    frontal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0
    face = np.median(per_area[(by_part == parts.FACE) & frontal & (per_area > 0)])
    eyes = np.average(per_area[(by_part == parts.EYEBALL) & (per_area > 0)])
    assert eyes > 3.0 * face
    assert np.allclose(places.bary.sum(axis=1), 1.0, atol=1e-6) and (places.bary >= 0).all()
    assert not places.offset.any()


def test_systematic_sampling_gives_each_triangle_its_share_to_within_two():
    places = small.bound(5_000)
    counts = np.bincount(places.faces_idx, minlength=len(builtin_head().faces))
    more = np.bincount(small.bound(50_000).faces_idx, minlength=len(counts))
    assert np.abs(counts - more / 10.0).max() < 2.2


def test_backs_of_eyeballs_get_nothing():
    head, places = builtin_head(), small.bound(5_000)
    corners = np.asarray(head.v_template)[np.asarray(head.faces)[places.faces_idx[places.part == parts.EYEBALL]]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert len(normals) and (normals[:, 2] > 0).all()


def test_the_same_seed_gives_the_same_places():
    first, second = small.bound(300), small.bound(300)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second)))


def test_joined_keeps_order():
    first, second = small.bound(30), small.bound(20)
    both = binding.joined(first, second)
    assert len(both) == 50 and np.array_equal(both.faces_idx[30:], second.faces_idx)
