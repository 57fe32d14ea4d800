"""The z-buffer against a ray caster (Moeller and Trumbore 1997) that tries every triangle at every pixel."""

import numpy as np
import pytest

from pegasus_jax.data import Camera
from pegasus_jax.demo import raster


def camera_of(image_size, *, mirrored=False):
    world_mat = np.hstack([np.eye(3), [[0.05], [-0.1], [-3.0]]])
    fx = 2.0 if mirrored else -2.0
    return Camera.from_imavatar(world_mat, [fx, 2.0, 0.5, 0.5], image_size=image_size)


def random_soup(seed, num=12):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-0.8, 0.8, (3 * num, 3)).astype(np.float32)
    return raster.Mesh(vertices, np.arange(3 * num).reshape(num, 3), two_sided=True)


def cast_rays(mesh, camera):
    """Nearest face (H, W) and depth at every pixel centre; -1 and inf where nothing is hit."""
    T, (fx, fy, cx, cy) = np.asarray(camera.T_camera_world, np.float64), np.asarray(camera.intrinsics)
    points = mesh.vertices @ T[:, :3].T + T[:, 3]
    height, width = camera.image_size
    face, depth = np.full((height, width), -1), np.full((height, width), np.inf)
    for row in range(height):
        for column in range(width):
            ray = np.array([(column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy, 1.0])
            for index, (i, j, k) in enumerate(mesh.faces):
                system = np.stack([ray, points[i] - points[j], points[i] - points[k]], axis=1)
                t, u, v = np.linalg.solve(system, points[i])
                if u >= 0 and v >= 0 and u + v <= 1 and 0 < t < depth[row, column]:
                    face[row, column], depth[row, column] = index, t
    return face, depth


@pytest.mark.parametrize("mirrored", [False, True])
def test_visibility_and_depth_agree_with_ray_casting(mirrored):
    mesh, camera = random_soup(0), camera_of((20, 28), mirrored=mirrored)
    fragments = raster.rasterize([mesh], camera)
    face, depth = cast_rays(mesh, camera)
    found = np.full(20 * 28, -1)
    found[fragments.sample] = fragments.face
    assert (found.reshape(20, 28) == face).mean() > 0.995
    hit = found.reshape(20, 28)[face >= 0] == face[face >= 0]
    expected = depth.ravel()[fragments.sample]
    agree = found[fragments.sample] == face.ravel()[fragments.sample]
    assert hit.mean() > 0.99
    np.testing.assert_allclose(fragments.depth[agree], expected[agree], rtol=1e-4)


def test_interpolation_is_perspective_correct():
    """Positions interpolated over a strongly tilted triangle must project back to their own pixel centres."""
    vertices = np.array([[-0.8, -0.6, 1.5], [0.8, -0.6, -1.0], [0.0, 0.8, 0.2]], np.float32)
    mesh, camera = raster.Mesh(vertices, np.array([[0, 1, 2]]), two_sided=True), camera_of((32, 32))
    fragments = raster.rasterize([mesh], camera)
    assert len(fragments.sample) > 50
    points = fragments.interpolate(vertices, mesh.faces)
    means2d, _ = camera.project(points)
    centres = np.stack([fragments.sample % 32 + 0.5, fragments.sample // 32 + 0.5], axis=-1)
    np.testing.assert_allclose(means2d, centres, atol=1e-3)


def test_meshes_hide_each_other_by_depth():
    def square(z):
        vertices = np.array([[-1, -1, z], [1, -1, z], [1, 1, z], [-1, 1, z]], np.float32) * [0.4, 0.4, 1]
        return raster.Mesh(vertices.astype(np.float32), np.array([[0, 1, 2], [0, 2, 3]]))

    for near_first in (True, False):
        meshes = [square(0.5), square(0.0)] if near_first else [square(0.0), square(0.5)]
        fragments = raster.rasterize(meshes, camera_of((16, 16)))
        np.testing.assert_allclose(fragments.depth, 2.5, atol=1e-5)
        assert set(fragments.mesh.tolist()) == {0 if near_first else 1}


@pytest.mark.parametrize("mirrored", [False, True])
def test_inner_sides_are_drawn_only_if_asked(mirrored):
    vertices = np.array([[-0.4, -0.4, 0], [0.4, -0.4, 0], [0, 0.4, 0]], np.float32)
    facing, away = np.array([[0, 1, 2]]), np.array([[0, 2, 1]])
    camera = camera_of((16, 16), mirrored=mirrored)
    assert len(raster.rasterize([raster.Mesh(vertices, facing)], camera).sample) > 10
    assert len(raster.rasterize([raster.Mesh(vertices, away)], camera).sample) == 0
    assert len(raster.rasterize([raster.Mesh(vertices, away, two_sided=True)], camera).sample) > 10


def test_neighbouring_triangles_leave_no_gap_and_the_border_clips():
    vertices = np.array([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]], np.float32)
    mesh = raster.Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
    fragments = raster.rasterize([mesh], camera_of((15, 17)))
    assert fragments.sample.tolist() == list(range(15 * 17))


def test_normals_of_a_sphere_point_outwards():
    rng = np.random.default_rng(0)
    from scipy.spatial import ConvexHull

    points = rng.normal(size=(800, 3))
    points /= np.linalg.norm(points, axis=-1, keepdims=True)
    hull = ConvexHull(points)
    a, b, c = (points[hull.simplices[:, k]] for k in range(3))
    flipped = np.einsum("fi,fi->f", np.cross(b - a, c - a), a) < 0
    faces = np.where(flipped[:, None], hull.simplices[:, ::-1], hull.simplices)
    normals = raster.vertex_normals(points, faces)
    assert np.einsum("vi,vi->v", normals, points).min() > 0.97


def test_block_average():
    image = np.random.default_rng(0).uniform(size=(6, 4, 2)).astype(np.float32)
    expected = [[[image[2 * r : 2 * r + 2, 2 * c : 2 * c + 2, k].mean() for k in range(2)] for c in range(2)]
                for r in range(3)]  # fmt: skip
    np.testing.assert_allclose(raster.average_blocks(image, 2), expected, rtol=1e-6)
