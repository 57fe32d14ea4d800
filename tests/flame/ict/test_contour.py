import numpy as np
import pytest
import scipy.spatial

from pegasus_jax.flame.ict.contour import contour_rows

RADIUS = 0.1


@pytest.fixture(scope="module")
def rows():
    """Outline of a ball whose "jaw line" lies in the horizontal plane: points (79, 17, 3)."""
    i = np.arange(1500) + 0.5
    y, turn = 1 - 2 * i / 1500, i * np.pi * (3 - np.sqrt(5))
    vertices = RADIUS * np.column_stack([np.sqrt(1 - y**2) * np.sin(turn), y, np.sqrt(1 - y**2) * np.cos(turn)])
    vertices += [0, 0, -0.01]  # about the axis from which paths are seen
    hull = scipy.spatial.ConvexHull(vertices)
    triangles = hull.simplices.copy()
    inward = np.einsum(
        "fc,fc->f", hull.equations[:, :3], np.cross(*np.diff(vertices[triangles], axis=1).swapaxes(0, 1))
    )
    triangles[inward < 0] = triangles[inward < 0][:, ::-1]
    angles = np.linspace(-np.pi / 2, np.pi / 2, 17)
    wanted = RADIUS * np.column_stack([np.sin(angles), 0 * angles, np.cos(angles)]) + [0, 0, -0.01]
    landmarks = scipy.spatial.cKDTree(vertices).query(wanted)[1]
    faces, bary = contour_rows(vertices, triangles, np.arange(len(triangles)), landmarks)
    np.testing.assert_allclose(bary.sum(axis=-1), 1.0)
    return np.einsum("rlkc,rlk->rlc", vertices[triangles[faces]], bary)


def _angle(points):
    return np.degrees(np.arctan2(points[..., 0], points[..., 2] + 0.01))


def test_points_lie_on_the_skin(rows):
    np.testing.assert_allclose(np.linalg.norm(rows - [0, 0, -0.01], axis=-1), RADIUS, rtol=0.01)


@pytest.mark.parametrize("yaw, row", [(0, 0), (20, 20), (39, 39), (-20, 59), (-39, 78)])
def test_the_far_side_slides_to_where_the_ball_turns_away_and_the_near_side_stays(rows, yaw, row):
    # Of a ball turned by `yaw`, what lies at 90 - yaw degrees to the left is its left edge in the picture.
    assert _angle(rows[row, 16]) == pytest.approx(min(90, 90 - yaw), abs=3)
    assert _angle(rows[row, 0]) == pytest.approx(max(-90, -90 - yaw), abs=3)


def test_the_far_side_of_the_open_head_reaches_farther_out_than_the_static_jaw_line(arrays):
    vertices, angle = arrays["v_template"], np.radians(30)
    static, sliding = (
        np.einsum("lkc,lk->lc", vertices[arrays["f"][faces]], bary)
        for faces, bary in (
            (arrays["full_lmk_faces_idx"][:17], arrays["full_lmk_bary_coords"][:17]),
            (arrays["dynamic_lmk_faces_idx"][30], arrays["dynamic_lmk_bary_coords"][30]),
        )
    )
    gain = (sliding - static) @ [np.cos(angle), 0, np.sin(angle)]  # along the picture's x, of a head turned to its left
    assert gain.max() == pytest.approx(0.009, abs=0.001)
    assert np.abs(gain[:8]).max() < 0.001 and gain[9:].min() > -0.001
