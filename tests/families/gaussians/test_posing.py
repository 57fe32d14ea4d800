import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial.transform

from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.params import initial_params
from pegasus_jax.families.gaussians.posing import basis_weights, pose_gaussians
from pegasus_jax.families.gaussians.rig import driving_numbers
from pegasus_jax.flame import builtin_head, lbs

from . import small


@pytest.fixture(scope="module")
def rigged():
    return small.rigged()


def test_gaussians_without_offsets_ride_the_skinned_mesh(rigged):
    rig, binding = rigged
    expression, pose = (array[0] for array in small.motions(1, seed=5))
    params = initial_params(rig, num_bases=2, hidden=4, key=jax.random.key(0))
    head = builtin_head()
    vertices = np.asarray(lbs.vertices(head, jnp.zeros(100), expression, pose))
    on_mesh = np.einsum("nk,nkc->nc", binding.bary, vertices[np.asarray(head.faces)[binding.faces_idx]])
    posed = jax.jit(pose_gaussians)(params, rig, expression, pose)
    # Skinning blends matrices at the corners, a Gaussian at its place: they differ where weights change in a triangle.
    distance = np.linalg.norm(np.asarray(posed.means).T - on_mesh, axis=1)
    assert np.median(distance) < 1e-5 and distance.max() < 2e-3


def test_at_rest_they_are_exactly_on_the_triangles(rigged):
    rig, binding = rigged
    params = initial_params(rig, num_bases=0, hidden=4, key=jax.random.key(0))
    head = builtin_head()
    corners = np.asarray(head.v_template)[np.asarray(head.faces)[binding.faces_idx]]
    posed = pose_gaussians(params, rig, jnp.zeros(50), jnp.zeros(15))
    assert np.allclose(np.asarray(posed.means).T, np.einsum("nk,nkc->nc", binding.bary, corners), atol=1e-6)


def _numpy_posed(params, rig, expression, pose, noise):
    """Means and covariances, Gaussian by Gaussian, in float64."""
    leaf = lambda array: np.asarray(array, np.float64)  # noqa: E731
    numbers = np.concatenate([expression, np.asarray(lbs.pose_feature(pose))[np.asarray(rig.pose_features)]])
    moved = leaf(rig.rest)
    moved[:, : rig.motion.shape[2]] += np.einsum("d,dkm->km", numbers, leaf(rig.motion))
    joints = leaf(rig.joints) + (expression @ leaf(rig.joint_motion)).reshape(5, 3)
    bones = np.concatenate([np.eye(4)[None], np.asarray(lbs.chain(jnp.asarray(joints, jnp.float32), pose))])
    weights = np.asarray(basis_weights(params.mixer, rig, driving_numbers(expression, pose), noise=noise), np.float64)
    share, bases = leaf(rig.basis_share), params.bases
    offsets = leaf(params.offset) * leaf(rig.freedom)
    offsets += leaf(rig.basis_freedom) * np.tensordot(weights, leaf(bases.offset), 1)
    quaternions = leaf(params.quaternion)
    quaternions[1:] += share * np.tensordot(weights, leaf(bases.rotation), 1)
    means, covariances = [], []
    for n in range(rig.num_gaussians):
        matrix = np.tensordot(leaf(rig.lbs_weights)[:, n], bones, 1)
        place, first, second = moved[:, n].reshape(3, 3)
        first, second = matrix[:3, :3] @ first, matrix[:3, :3] @ second
        normal = np.cross(first, second)
        frame = np.stack([first, second, normal / np.linalg.norm(normal)], axis=1)
        turn = scipy.spatial.transform.Rotation.from_quat(np.roll(quaternions[:, n], -1)).as_matrix()
        factor = frame @ turn @ np.diag(np.exp(leaf(params.log_scale)[:, n]))
        means.append(matrix[:3, :3] @ place + matrix[:3, 3] + frame @ offsets[:, n])
        covariances.append(factor @ factor.T)
    return np.array(means), np.array(covariances)


@pytest.mark.parametrize("compiled", [False, True])
def test_means_and_covariances_are_those_of_a_plain_loop(rigged, compiled):
    rig, _ = rigged
    params = small.random_params(rig)
    expression, pose = (array[0] for array in small.motions(1, seed=7))
    noise = np.linspace(-0.5, 0.5, 62).astype(np.float32)
    pose_them = jax.jit(pose_gaussians) if compiled else pose_gaussians
    posed = pose_them(params, rig, expression, pose, noise=noise)
    means, covariances = _numpy_posed(params, rig, expression, pose, noise)
    factors = np.moveaxis(np.asarray(posed.factors, np.float64), 2, 0)
    assert np.allclose(np.asarray(posed.means).T, means, atol=2e-6)
    assert np.allclose(factors @ np.swapaxes(factors, 1, 2), covariances, atol=2e-7, rtol=1e-3)


def test_a_camera_transform_moves_what_the_world_holds(rigged):
    rig, _ = rigged
    params, view = small.random_params(rig), np.asarray(small.camera().T_camera_world)
    expression, pose = (array[0] for array in small.motions(1))
    world = pose_gaussians(params, rig, expression, pose)
    seen = pose_gaussians(params, rig, expression, pose, T_camera_world=jnp.asarray(view))
    assert np.allclose(seen.means, view[:, :3] @ np.asarray(world.means) + view[:, 3:], atol=1e-5)
    assert np.allclose(seen.factors, np.einsum("ab,bjn->ajn", view[:, :3], world.factors), atol=1e-6)


def test_what_drives_the_bases_is_held_to_what_the_clip_has_shown(rigged):
    rig, _ = rigged
    mixer = small.random_params(rig).mixer
    width = rig.driving_high - rig.driving_low
    inside, edge, far = (basis_weights(mixer, rig, rig.driving_high + k * width) for k in (-0.5, 0.0, 30.0))
    assert np.allclose(edge, far, atol=1e-6)
    assert not np.allclose(inside, edge, atol=1e-3)


def test_the_inside_of_the_mouth_takes_nothing_from_bases_and_hair_alone_learns_opacities(rigged):
    rig, _ = rigged
    params = small.random_params(rig)
    expression, pose = (array[0] for array in small.motions(1))
    inside = np.isin(np.asarray(rig.part), (parts.MOUTH, parts.TEETH))
    assert inside.any()

    def total(params):
        posed = pose_gaussians(params, rig, expression, pose)
        pictures = jnp.sum(posed.colours) + jnp.sum(posed.opacities)
        return jnp.sum(posed.means**2) + jnp.sum(posed.factors**2) + pictures

    gradient = jax.grad(total)(params)
    for basis in (gradient.bases.offset, gradient.bases.rotation, gradient.bases.colour):
        assert not np.asarray(basis)[..., inside].any() and np.asarray(basis)[..., ~inside].any()
    hair = np.isin(np.asarray(rig.part), (parts.SCALP, parts.SHELL))
    learned = np.asarray(gradient.opacity_logit) != 0
    assert hair.any() and np.array_equal(learned, hair)


def test_gradients_are_those_of_finite_differences(rigged):
    rig, _ = rigged
    params = small.random_params(rig)
    expression, pose = (array[0] for array in small.motions(1, seed=3))
    rng = np.random.default_rng(0)
    cotangents = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((3, 400), (3, 3, 400))]

    def value(params):
        posed = pose_gaussians(params, rig, expression, pose)
        return jnp.vdot(posed.means, cotangents[0]) + 100.0 * jnp.vdot(posed.factors, cotangents[1])

    gradient = jax.grad(value)(params)
    direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), params)
    step = 1e-3
    plus, minus = (value(jax.tree.map(lambda a, b, s=sign: a + s * b, params, direction)) for sign in (step, -step))
    expected = sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(direction)))
    assert np.isclose((plus - minus) / (2 * step), expected, rtol=2e-2)
