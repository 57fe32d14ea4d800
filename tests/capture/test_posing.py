import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.posing import points, project_with_jacobian, vertex_points
from pegasus_jax.capture.track import Track, pose_of, project
from pegasus_jax.data import Camera
from pegasus_jax.flame import lbs

from .synthetic import make_track

_SOME = np.array([5, 17, 900, 2500, 4000, 5000])


@pytest.fixture
def unknowns():
    track = make_track(5, focal=2.2, seed=3)
    return jnp.asarray(track.frames[1], jnp.float32), jnp.asarray(track.shared, jnp.float32)


def test_a_submesh_poses_like_the_whole_head(head, unknowns):
    row, shared = unknowns
    whole = lbs.vertices(head, shared[columns.BETAS], row[columns.EXPRESSION], pose_of(row))
    np.testing.assert_allclose(points(vertex_points(head, _SOME), row, shared), np.asarray(whole)[_SOME], atol=2e-6)


@pytest.mark.parametrize("with_shared", [True, False])
def test_structured_jacobian_agrees_with_automatic_differentiation(head, unknowns, with_shared):
    row, shared = unknowns
    model = vertex_points(head, _SOME)

    def picture(row, shared):
        return project(points(model, row, shared), row, shared)

    by_row, by_shared = jax.jacfwd(picture, argnums=(0, 1))(row, shared)
    truth = np.concatenate([by_row, by_shared], axis=-1) if with_shared else np.asarray(by_row)
    positions, jacobian = project_with_jacobian(model, row, shared, with_shared=with_shared)
    np.testing.assert_allclose(positions, picture(row, shared), atol=1e-6)
    np.testing.assert_allclose(jacobian, truth, atol=2e-5)


def test_projection_is_the_camera_that_the_track_writes(head, unknowns):
    row, shared = unknowns
    track, size = Track(np.array([row], np.float64), np.asarray(shared, np.float64)), 300
    posed = points(vertex_points(head, _SOME), row, shared)
    camera = Camera.from_imavatar(track.world_mat[0], track.intrinsics, image_size=(size, size))
    np.testing.assert_allclose(project(posed, row, shared) * size, camera.project(posed)[0], atol=1e-2)
    assert np.all(np.asarray(camera.project(posed)[1]) > 0)


def test_a_longer_focal_length_keeps_the_size_in_the_picture(head, unknowns):
    row, shared = unknowns
    model = vertex_points(head, np.arange(0, head.num_vertices, 50))
    wide, long = (
        np.asarray(project(points(model, row, s), row, s)) for s in (shared, shared.at[columns.LOG_FOCAL].add(0.5))
    )
    np.testing.assert_allclose(np.ptp(long, axis=0), np.ptp(wide, axis=0), rtol=0.1)
    assert np.abs(long - wide).max() > 1e-3
