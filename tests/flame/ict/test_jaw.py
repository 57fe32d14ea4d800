import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pegasus_jax.flame.ict import jaw
from pegasus_jax.flame.ict.meshes import Topology

ANGLE, JOINT = 0.4, np.array([0.0, -0.012, -0.011])
HINGE = jaw.Hinge(JOINT, ANGLE)


def _turned(points, angle=ANGLE):
    return Rotation.from_rotvec([angle, 0, 0]).apply(points - JOINT) + JOINT


def _strip(material, first, count):
    """Quads over vertices first … first + 2 count + 1, in two rows."""
    k = first + 2 * np.arange(count)
    return np.stack([k, k + 1, k + 3, k + 2], axis=1), np.full(count, material)


@pytest.fixture(scope="module")
def mesh():
    """Lower and upper teeth, then a strip of skin in front that hangs on the jaw more and more."""
    rng = np.random.default_rng(0)
    teeth = rng.normal(size=(40, 3)) * 0.02 + [0, -0.05, 0.06]
    depth = np.repeat(np.linspace(0, 1, 30), 2)
    skin = np.column_stack([np.tile([-0.01, 0.01], 30), -0.012 - 0.06 * depth, 0.05 + 0.03 * depth])
    parts = [_strip("M_Teeth", 0, 19), _strip("M_Face", 40, 29)]
    polygons = np.concatenate([part[0] for part in parts])
    topology = Topology(polygons, polygons, np.zeros((1, 2)), np.concatenate([part[1] for part in parts]))
    share = np.concatenate([np.ones(20), np.zeros(20), depth])
    neutral = np.concatenate([teeth, skin])
    return topology, neutral, share[:, None] * (_turned(neutral) - neutral), share


def test_the_hinge_is_the_rigid_turn_of_the_lower_teeth(mesh):
    topology, neutral, jaw_open, _ = mesh
    hinge = jaw.find_hinge(topology, neutral, jaw_open)
    assert hinge.angle == pytest.approx(ANGLE, abs=1e-12)
    np.testing.assert_allclose(hinge.joint, JOINT, atol=1e-12)
    np.testing.assert_allclose(hinge.offsets(neutral), _turned(neutral) - neutral, atol=1e-12)


def test_weights_are_the_share_of_the_turn(mesh):
    topology, neutral, jaw_open, share = mesh
    weights = jaw.jaw_weights(topology, neutral, jaw_open, HINGE)
    np.testing.assert_allclose(weights[:40], share[:40], atol=1e-9)
    np.testing.assert_allclose(weights[40:], share[40:], atol=0.03)  # smoothed


def test_skinning_with_correctives_opens_the_jaw_as_given():
    rng = np.random.default_rng(1)
    vertices, offsets = rng.normal(size=(2, 30, 3)) * 0.05
    weights = rng.uniform(size=30)
    directions = jaw.jaw_posedirs(vertices, offsets, weights, HINGE)
    feature = np.concatenate([(Rotation.from_rotvec(r).as_matrix() - np.eye(3)).ravel() for r in _pose(ANGLE)])
    corrected = vertices + directions @ feature
    posed = weights[:, None] * _turned(corrected) + (1 - weights[:, None]) * corrected
    np.testing.assert_allclose(posed, vertices + offsets, atol=1e-12)
    assert np.flatnonzero(np.abs(directions).max(axis=(0, 1))).tolist() == [14, 16]


def test_an_offset_of_the_open_jaw_is_what_it_was_after_opening():
    rng = np.random.default_rng(2)
    vertices, offsets = rng.normal(size=(2, 30, 3)) * 0.05
    weights = rng.uniform(size=30)[:, None]
    before = jaw.before_opening(offsets, weights[:, 0], HINGE)
    moved, rest = (weights * _turned(points) + (1 - weights) * points for points in (vertices + before, vertices))
    np.testing.assert_allclose(moved - rest, offsets, atol=1e-12)


def _pose(angle):
    """Axis-angles of neck, jaw, left eye, right eye."""
    return np.array([[0, 0, 0], [angle, 0, 0], [0, 0, 0], [0, 0, 0]], float)
