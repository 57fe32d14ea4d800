import numpy as np
import pytest

from pegasus_jax.families.gaussians import binding, parts
from pegasus_jax.families.gaussians.rig import driving_numbers, used_pose_features
from pegasus_jax.flame import builtin_head

from . import small


def _shell(count=5):
    faces = np.arange(count, dtype=np.int32) * 100
    return binding.Binding(
        faces_idx=faces,
        bary=np.tile(np.array([[1.0, 0.0, 0.0]], np.float32), (count, 1)),
        offset=np.full((count, 3), 0.1, np.float32),
        part=np.full(count, parts.SHELL, np.int32),
    )


@pytest.fixture(scope="module")
def rigged():
    return small.rigged(places=binding.joined(_shell(), small.bound(400)))


def test_moving_gaussians_come_first_and_the_shell_is_not_among_them(rigged):
    rig, bound = rigged
    moving = rig.motion.shape[2]
    assert 0 < moving < rig.num_gaussians
    assert (np.abs(np.asarray(rig.motion)).max(axis=(0, 1)) > 0).all()
    assert not (np.asarray(rig.part)[:moving] == parts.SHELL).any()
    assert np.array_equal(bound.part, rig.part) and len(bound) == 405


def test_tangents_are_unit_and_in_the_triangle(rigged):
    rig, bound = rigged
    head = builtin_head()
    corners = np.asarray(head.v_template)[np.asarray(head.faces)[bound.faces_idx]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    on_head = bound.part != parts.SHELL
    first, second = np.asarray(rig.rest)[3:6].T, np.asarray(rig.rest)[6:9].T
    for tangent in (first, second):
        assert np.allclose(np.linalg.norm(tangent, axis=1), 1.0, atol=1e-5)
        assert np.abs((tangent * normals).sum(axis=1) / np.linalg.norm(normals, axis=1))[on_head].max() < 1e-4
    assert np.abs((first * second).sum(axis=1)).max() < 1e-5
    assert (np.sum(np.cross(first, second) * normals, axis=1)[on_head] > 0).all()


def test_a_shell_hangs_on_the_ghost_bone_where_the_head_hangs_on_its_root(rigged):
    rig, bound = rigged
    weights = np.asarray(rig.lbs_weights)
    shell = bound.part == parts.SHELL
    assert np.allclose(weights.sum(axis=0), 1.0, atol=1e-5)
    assert not weights[1, shell].any() and not weights[0, ~shell].any()


def test_tangents_follow_the_stretch_of_their_triangle(rigged):
    """The change with one expression, against the tangents of the moved triangle's own edges."""
    rig, bound = rigged
    head = builtin_head()
    moving = rig.motion.shape[2]
    faces = np.asarray(head.faces)[bound.faces_idx[:moving]]
    rest, moved = (np.asarray(head.v_template, np.float64) + k * np.asarray(head.exprdirs)[..., 3] for k in (0, 1))
    edges = [
        np.stack([v[faces[:, 1]] - v[faces[:, 0]], v[faces[:, 2]] - v[faces[:, 0]]], axis=1) for v in (rest, moved)
    ]
    tangents = np.asarray(rig.rest, np.float64)[3:, :moving].reshape(2, 3, moving).transpose(2, 0, 1)
    shares = np.einsum("ntc,nce->nte", tangents, np.linalg.pinv(edges[0]))
    expected = np.einsum("nte,nec->ntc", shares, edges[1])
    found = tangents + np.asarray(rig.motion)[3, 3:].reshape(2, 3, moving).transpose(2, 0, 1)
    assert np.allclose(found, expected, atol=2e-3)


def test_only_the_correctives_of_a_head_drive_it():
    head = builtin_head()
    used = used_pose_features(head)
    rest = np.setdiff1d(np.arange(36), used)
    assert not np.asarray(head.posedirs)[rest].any()


def test_what_drives_the_bases_leaves_out_where_the_person_faces():
    expression, pose = small.motions(1)
    pose[:, :3] = 9.0
    driving = np.asarray(driving_numbers(expression, pose))
    assert driving.shape == (1, 62) and not (driving == 9.0).any()
