"""Starting points for hair and clothes: inside every matte, wherever the head leaves the picture open."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.spatial

from pegasus_jax.data import read_dataset
from pegasus_jax.data.frames import load_frames, take
from pegasus_jax.demo.clips import write_clip
from pegasus_jax.demo.people import CAST
from pegasus_jax.families.free_points.head_space import head_space
from pegasus_jax.families.points.visual_hull import contradicted, hull_points
from pegasus_jax.flame import builtin_head, lbs

SIDE, FRAMES, COUNT = 64, 12, 1500


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Long hair and shoulders: the head's space, the frames, and the points told from three quarters of them."""
    folder, head = tmp_path_factory.mktemp("film") / "ada", builtin_head()
    write_clip(CAST["ada"], folder, head=head, num_frames=FRAMES, image_size=(SIDE, SIDE), seed=1, supersample=1)
    frames = load_frames(read_dataset(folder), np.arange(FRAMES), image_size=(SIDE, SIDE))
    space = head_space(head, jnp.asarray(frames.expression.mean(axis=0)))
    seen = take(frames, np.flatnonzero(np.arange(FRAMES) % 4 != 3))
    return space, frames, seen, hull_points(space, seen, COUNT, np.random.default_rng(0))


def posed(space, points: np.ndarray, frame) -> np.ndarray:
    """Pixels (N, 2): skinned by hand as the nearest vertex is, its own displacement included."""
    vertices_fc = np.asarray(space.vertices_fc)
    nearest = scipy.spatial.cKDTree(vertices_fc).query(points)[1]
    weights = np.asarray(space.lbs_weights)[nearest]
    joints = np.asarray(lbs.joint_transforms(space.head, frame.betas[0], frame.expression[0], frame.pose[0]))
    forward = np.einsum("nj,jab->nab", weights, np.concatenate([np.eye(4)[None], joints]))
    backward = np.linalg.inv(np.einsum("nj,jab->nab", weights, np.asarray(space.T_fc_rest)))
    moved = np.einsum("nab,nbc->nac", forward, backward)
    by_vertex = np.asarray(lbs.vertices(space.head, frame.betas[0], frame.expression[0], frame.pose[0]))[nearest]
    vertex_alone = np.einsum("nab,nb->na", moved, np.pad(vertices_fc[nearest], ((0, 0), (0, 1)), constant_values=1))
    positions = np.einsum("nab,nb->na", moved, np.pad(points, ((0, 0), (0, 1)), constant_values=1))
    world = positions[:, :3] + by_vertex - vertex_alone[:, :3]
    return np.asarray(frame.cameras.project(jnp.asarray(world)[None])[0])[0]


def test_points_lie_in_mattes_that_they_were_not_told_from(filmed):
    space, frames, _, points = filmed
    assert 500 < len(points) <= COUNT and points.dtype == np.float32
    for row in range(3, FRAMES, 4):
        frame = take(frames, np.array([row]))
        column, line = np.floor(posed(space, points, frame)).astype(int).T
        inside = (column >= 0) & (column < SIDE) & (line >= 0) & (line < SIDE)
        near = scipy.ndimage.binary_dilation(frame.matte[0] > 127, iterations=2)
        assert inside.mean() > 0.8 and near[line[inside], column[inside]].mean() > 0.97


def test_they_cover_what_the_head_leaves_open_and_little_of_the_face(filmed):
    space, frames, _, points = filmed
    frame = take(frames, np.array([7]))
    means2d = posed(space, points, frame)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1) + 0.5
    distance = scipy.spatial.cKDTree(means2d).query(grid.reshape(-1, 2))[0].reshape(SIDE, SIDE)
    vertices = lbs.vertices(space.head, frame.betas[0], frame.expression[0], frame.pose[0])
    head = scipy.spatial.cKDTree(np.asarray(frame.cameras.project(jnp.asarray(vertices)[None])[0])[0])
    off_head = head.query(grid.reshape(-1, 2))[0].reshape(SIDE, SIDE) > 3.0
    open_pixels = (frame.matte[0] > 250) & off_head
    assert open_pixels.sum() > 300 and (distance[open_pixels] < 3.0).mean() > 0.95
    face = np.asarray(space.is_face)
    nearest = scipy.spatial.cKDTree(np.asarray(space.vertices_fc)).query(points)[1]
    front = face[nearest] & (np.asarray(space.normals_fc)[nearest, 2] > 0.7)
    assert front.mean() < 0.05


def test_the_same_seed_gives_the_same_points(filmed):
    space, _, seen, points = filmed
    np.testing.assert_array_equal(hull_points(space, seen, COUNT, np.random.default_rng(0)), points)


def test_mattes_contradict_points_beside_the_head_and_none_on_it(filmed):
    space, frames, _, points = filmed
    vertices = np.asarray(space.vertices_fc)
    shifted = vertices + np.array([2.5 * np.ptp(vertices[:, 0]), 0.0, 0.0])
    beside = np.abs(points[:, 0]) > 0.4
    tested = np.concatenate([vertices, shifted, points]).astype(np.float32)
    nearest = scipy.spatial.cKDTree(vertices).query(tested)[1]
    against = contradicted(space, tested, nearest, frames)
    on_head, far, hull = np.split(against, [len(vertices), 2 * len(vertices)])
    assert on_head.mean() < 0.02 and hull.mean() < 0.1
    assert not far.any(), "nothing is known of places outside the picture"
    bald = dataclasses.replace(frames, matte=np.zeros_like(frames.matte))
    assert contradicted(space, points[beside], nearest[2 * len(vertices) :][beside], bald).all()
