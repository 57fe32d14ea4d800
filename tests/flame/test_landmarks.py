import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pegasus_jax.flame import landmarks
from pegasus_jax.flame.model import Embedding

from . import heads


def test_embedded_points_are_barycentric():
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(5, 3)).astype(np.float32)
    faces = np.array([[0, 1, 2], [2, 3, 4]], np.int32)
    embedding = Embedding(np.array([[1, 0]]), np.array([[[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]], np.float32))
    points = landmarks.embedded_points(vertices, faces, embedding)
    truth = 0.2 * vertices[2] + 0.3 * vertices[3] + 0.5 * vertices[4]
    assert points.shape == (1, 2, 3)
    np.testing.assert_allclose(points[0, 0], truth, atol=1e-6)
    np.testing.assert_allclose(points[0, 1], vertices[0], atol=1e-6)


@pytest.mark.parametrize(
    ("degrees", "row"), [(0, 0), (12, 12), (39, 39), (80, 39), (-1, 40), (-39, 78), (-80, 78), (12.4, 12)]
)
@pytest.mark.parametrize("joint", [0, 1], ids=["global", "neck"])
def test_contour_row_by_yaw(degrees, row, joint):
    pose = np.zeros(15, np.float32)
    pose[3 * joint + 1] = np.deg2rad(degrees)
    assert int(landmarks.contour_row(jnp.asarray(pose))) == row


def test_contour_row_adds_global_and_neck_and_ignores_pitch():
    pose = np.zeros(15, np.float32)
    pose[1], pose[4] = np.deg2rad(10.0), np.deg2rad(-25.0)
    assert int(landmarks.contour_row(jnp.asarray(pose))) == 39 + 15
    pose[:3] = Rotation.from_euler("YX", [20.0, 30.0], degrees=True).as_rotvec()
    pose[4] = 0.0
    assert int(landmarks.contour_row(jnp.asarray(pose))) == 20


def test_68_landmarks_take_the_contour_of_the_view():
    head = heads.random_head()
    pose = np.zeros(15, np.float32)
    pose[4] = np.deg2rad(-7.0)
    found = jax.jit(landmarks.landmarks68)(head, head.v_template, jnp.asarray(pose))
    row = Embedding(head.contour.faces_idx[46], head.contour.bary[46])
    contour = landmarks.embedded_points(head.v_template, head.faces, row)
    static = landmarks.embedded_points(head.v_template, head.faces, head.lmk68)
    np.testing.assert_allclose(found[:17], contour, atol=1e-6)
    np.testing.assert_allclose(found[17:], static[17:], atol=1e-6)
    without = heads.replaced(head, contour=None)
    np.testing.assert_allclose(landmarks.landmarks68(without, head.v_template, pose), static, atol=1e-6)


def test_landmarks_have_finite_gradients_at_zero_pose():
    head = heads.random_head()
    gradient = jax.grad(lambda p, v: landmarks.landmarks68(head, v, p).sum(), argnums=(0, 1))
    for part in gradient(jnp.zeros(15), jnp.asarray(head.v_template)):
        assert np.isfinite(part).all()
