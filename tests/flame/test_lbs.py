import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pegasus_jax.flame import lbs
from pegasus_jax.flame.canonical import canonical_pose
from pegasus_jax.flame.model import JAW_OPEN

from . import heads


@pytest.mark.parametrize("batch", [(), (7,), (2, 3)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 3.0])
def test_rodrigues_agrees_with_scipy(batch, scale):
    vectors = np.random.default_rng(0).normal(size=(*batch, 3)) * scale
    truth = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(*batch, 3, 3)
    with jax.enable_x64(True):
        # FLAME's shift of 1e-8 before the norm turns the angle by up to 2e-8.
        np.testing.assert_allclose(lbs.rodrigues(vectors), truth, atol=5e-8)


def test_rotation_matrices_are_rotations_in_float32():
    rotations = np.asarray(lbs.rodrigues(np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)))
    assert rotations.dtype == np.float32
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(-1, -2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-6
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0, atol=1e-6)


def test_skinning_agrees_with_independent_float64():
    head = heads.in_float64(heads.random_head())
    betas, expression, pose = heads.random_coefficients()
    with jax.enable_x64(True):
        posed = lbs.vertices(head, betas, expression, pose)
        rest = lbs.joints(head, betas, expression)
        transforms = lbs.joint_transforms(head, betas, expression, pose)
    truth, truth_rest, truth_transforms = heads.numpy_vertices(head, betas, expression, pose)
    assert posed.dtype == np.float64
    np.testing.assert_allclose(rest, truth_rest, atol=1e-10)
    np.testing.assert_allclose(transforms, truth_transforms, atol=1e-10)
    np.testing.assert_allclose(posed, truth, atol=1e-10)


def test_zero_pose_is_the_shaped_template():
    head = heads.random_head()
    betas, expression, _ = (c.astype(np.float32) for c in heads.random_coefficients())
    shaped = head.v_template + head.shapedirs @ betas + head.exprdirs @ expression
    posed = lbs.vertices(head, betas, expression, np.zeros(15, np.float32))
    np.testing.assert_allclose(posed, shaped, atol=2e-6)
    np.testing.assert_allclose(lbs.pose_feature(np.zeros(15, np.float32)), np.zeros(36), atol=1e-7)


def test_pose_feature_is_row_major_and_leaves_the_root_out():
    pose = np.zeros(15, np.float32)
    pose[:3] = 0.7
    np.testing.assert_allclose(lbs.pose_feature(pose), np.zeros(36), atol=1e-7)
    pose = canonical_pose()
    feature = np.asarray(lbs.pose_feature(pose)).reshape(4, 3, 3)
    np.testing.assert_allclose(feature[[0, 2, 3]], np.zeros((3, 3, 3)), atol=1e-7)
    cos, sin = np.cos(0.4), np.sin(0.4)
    np.testing.assert_allclose(feature[1], [[0, 0, 0], [0, cos - 1, -sin], [0, sin, cos - 1]], atol=1e-6)


def test_joints_follow_the_expression():
    head = heads.random_head()
    zero = np.zeros(100, np.float32)
    still = lbs.joints(head, zero, np.zeros(50, np.float32))
    assert np.abs(lbs.joints(head, zero, np.ones(50, np.float32)) - still).max() > 1e-3


def test_a_global_rotation_turns_everything_about_the_root():
    head = heads.random_head()
    betas, expression, _ = (c.astype(np.float32) for c in heads.random_coefficients())
    pose = np.zeros(15, np.float32)
    pose[:3] = (0.3, -0.5, 0.2)
    rest = np.asarray(lbs.vertices(head, betas, expression, np.zeros(15, np.float32)))
    root = np.asarray(lbs.joints(head, betas, expression))[0]
    turned = (rest - root) @ Rotation.from_rotvec(pose[:3]).as_matrix().T + root
    np.testing.assert_allclose(lbs.vertices(head, betas, expression, pose), turned, atol=5e-6)


@pytest.mark.parametrize("seed", range(3))
def test_unpose_then_repose_of_a_vertex(seed):
    """Spec section 17: with a vertex's own W, E, P, S, posing its canonical place gives the posed vertex."""
    head = heads.in_float64(heads.random_head(seed))
    betas, expression, pose = heads.random_coefficients(seed + 10)
    _, expression_c, _ = heads.random_coefficients(seed + 20)
    pose_c, zero = canonical_pose().astype(np.float64), np.zeros(100)
    with jax.enable_x64(True):
        x_fc = np.asarray(lbs.vertices(head, zero, expression_c, pose_c))
        transforms_c = np.asarray(lbs.joint_transforms(head, zero, expression_c, pose_c))
        transforms = np.asarray(lbs.joint_transforms(head, betas, expression, pose))
        feature_c, feature = np.asarray(lbs.pose_feature(pose_c)), np.asarray(lbs.pose_feature(pose))
        truth = np.asarray(lbs.vertices(head, betas, expression, pose))
    blended_c = np.einsum("vj,jab->vab", head.lbs_weights, transforms_c)
    blended = np.einsum("vj,jab->vab", head.lbs_weights, transforms)
    u = np.linalg.solve(blended_c, np.pad(x_fc, ((0, 0), (0, 1)), constant_values=1.0)[..., None])[:, :3, 0]
    u -= head.exprdirs @ expression_c + np.tensordot(feature_c, head.posedirs, axes=1)
    u += head.exprdirs @ expression + head.shapedirs @ betas + np.tensordot(feature, head.posedirs, axes=1)
    reposed = np.einsum("vab,vb->va", blended[:, :3, :3], u) + blended[:, :3, 3]
    np.testing.assert_allclose(reposed, truth, atol=1e-10)


@pytest.mark.parametrize("scale", [0.0, 0.5], ids=["zero", "random"])
def test_gradients_match_finite_differences(scale):
    head = heads.in_float64(heads.random_head(num_vertices=60))
    cotangent = np.random.default_rng(5).normal(size=(60, 3))
    pose = heads.random_coefficients(scale=scale)[2]
    step = 1e-4  # well above the shift of 1e-8, which blunts the axis around zero

    def loss(pose):
        return (lbs.vertices(head, np.zeros(100), np.zeros(50), pose) * cotangent).sum()

    with jax.enable_x64(True):
        gradient = jax.grad(loss)(jnp.asarray(pose))
        ahead, behind = (jax.jit(jax.vmap(loss))(pose + sign * step * np.eye(15)) for sign in (1, -1))
    numeric = (np.asarray(ahead) - np.asarray(behind)) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-5)


def test_gradient_in_float32_at_zero_is_finite_and_not_zero():
    head = heads.random_head(num_vertices=60)
    zeros = jnp.zeros(100), jnp.zeros(50), jnp.zeros(15)
    gradients = jax.grad(lambda b, e, p: (lbs.vertices(head, b, e, p) ** 2).sum(), argnums=(0, 1, 2))(*zeros)
    for gradient in gradients:
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_vmap_jit_and_strict_dtypes():
    head = heads.random_head(num_vertices=80)
    coefficients = [np.stack([c.astype(np.float32)] * 2) for c in heads.random_coefficients()]
    with jax.numpy_dtype_promotion("strict"):
        batched = jax.jit(jax.vmap(lbs.vertices, in_axes=(None, 0, 0, 0)))(head, *coefficients)
        single = lbs.vertices(head, *(c[0] for c in coefficients))
    assert batched.shape == (2, 80, 3) and batched.dtype == jnp.float32
    np.testing.assert_allclose(batched[1], single, atol=1e-5)


def test_canonical_pose_opens_the_jaw_only():
    pose = canonical_pose()
    assert pose.shape == (15,) and pose[JAW_OPEN] == np.float32(0.4)
    assert np.count_nonzero(pose) == 1
