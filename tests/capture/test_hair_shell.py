import dataclasses

import numpy as np
import pytest

from pegasus_jax.capture.hair_shell import hair_shell
from pegasus_jax.capture.posing import vertex_points
from pegasus_jax.flame.normals import vertex_normals

from .synthetic import draw, make_track

_SIDE, _HAIR = 128, 0.08


@pytest.fixture(scope="module")
def track():
    return make_track(12, focal=2.5)


def _mattes(head, track):
    return np.any(draw(head, track, side=_SIDE) < 255, axis=-1).astype(np.float32)


def _lifted(head, distance):
    """The head with its scalp moved outwards; its joints are regressed from the moved vertices, a little off."""
    normals = np.asarray(vertex_normals(np.asarray(head.v_template), np.asarray(head.faces)))
    scalp = np.asarray(head.regions["scalp"])[:, None]
    return dataclasses.replace(head, v_template=np.asarray(head.v_template) + np.where(scalp, distance * normals, 0))


def test_the_outline_tells_how_far_the_hair_stands_off(head, track):
    scalp = np.asarray(head.regions["scalp"])
    bare = hair_shell(head, track, _mattes(head, track))
    hairy = hair_shell(head, track, _mattes(_lifted(head, _HAIR), track))
    assert not bare[~scalp].any() and not hairy[~scalp].any()
    assert np.median(bare[scalp]) < 0.02
    assert abs(np.median(hairy[scalp]) - np.median(bare[scalp]) - _HAIR) < 0.02


def test_a_head_without_a_scalp_has_no_shell(head, track):
    assert not hair_shell(dataclasses.replace(head, regions={}), track, np.ones((12, 8, 8), np.float32)).any()


def test_points_can_be_lifted_without_moving_the_joints(head):
    ids = np.flatnonzero(head.regions["scalp"])[:5]
    shift = np.zeros((head.num_vertices, 3), np.float32)
    shift[ids, 1] = 0.1
    plain, lifted = vertex_points(head, ids), vertex_points(head, ids, shift=shift)
    np.testing.assert_allclose(lifted.vertices.v_template[:5] - plain.vertices.v_template[:5], shift[ids], atol=1e-6)
    np.testing.assert_array_equal(lifted.vertices.v_template[5:], plain.vertices.v_template[5:])
