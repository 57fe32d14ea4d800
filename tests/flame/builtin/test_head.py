"""The built-in head as other code sees it: a `HeadModel`. Lengths in millimetres."""

import jax
import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pegasus_jax.flame import builtin_head, lbs
from pegasus_jax.flame.builtin.head import VERSION
from pegasus_jax.flame.landmarks import embedded_points
from pegasus_jax.flame.model import JAW_OPEN

MM = 250.0  # millimetres per head unit
_posed = jax.jit(lbs.vertices)


@pytest.fixture(scope="module")
def head():
    return builtin_head()


def posed(head, *, pose=None, **expression):
    psi, theta = np.zeros(50, np.float32), np.zeros(15, np.float32)
    for name, value in expression.items():
        psi[head.expression_names.index(name)] = value
    for index, value in (pose or {}).items():
        theta[index] = value
    return np.asarray(_posed(head, np.zeros(100, np.float32), psi, theta)) * MM


def landmarks(head, vertices):
    return np.asarray(embedded_points(vertices, head.faces, head.lmk68))


def _directed_edges(faces):
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def _components(head):
    edges = _directed_edges(head.faces)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(head.num_vertices,) * 2)
    return connected_components(graph, directed=False)


def test_shapes_and_sizes(head):
    count = head.num_vertices
    assert 3000 <= count <= 6000
    assert head.shapedirs.shape == (count, 3, 100) and head.exprdirs.shape == (count, 3, 50)
    assert head.posedirs.shape == (36, count, 3) and head.J_regressor.shape == (5, count)
    assert len(head.shape_names) == 100 and len(set(head.expression_names)) == 50
    arrays = [a for a in jax.tree.leaves(head) if a.dtype.kind == "f"]
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in arrays)
    low, high = head.v_template.min(0) * MM, head.v_template.max(0) * MM
    np.testing.assert_allclose(high[1], 139, atol=2)
    np.testing.assert_allclose(low[1], -132, atol=2)
    np.testing.assert_allclose([high[0], high[2], low[2]], [90, 101, -116], atol=6)


def test_the_mesh_is_open_at_the_neck_cut_and_where_lids_lie_on_eyeballs_only(head):
    edges = _directed_edges(head.faces)
    assert len(np.unique(edges, axis=0)) == len(edges), "two triangles run along an edge in the same direction"
    have = set(map(tuple, edges.tolist()))
    ends = np.unique([edge for edge in have if edge[::-1] not in have])
    points = head.v_template[ends] * MM
    at_cut = points[:, 1] < -125
    assert at_cut.sum() > 20 and (~at_cut).sum() == 2 * 32
    mirrored = np.abs(points[~at_cut])
    np.testing.assert_allclose(np.linalg.norm(mirrored - [31, 30, 49], axis=-1), 15.2, atol=0.01)


def test_parts_are_closed_and_face_outwards(head):
    count, label = _components(head)
    assert count == 7  # skin with its pockets, two eyeballs, two ears, two rows of teeth
    for part in range(count):
        triangles = head.v_template[head.faces[label[head.faces[:, 0]] == part]] * MM
        centred = triangles - triangles.reshape(-1, 3).mean(0)
        volume = np.einsum("ij,ij->", centred[:, 0], np.cross(centred[:, 1], centred[:, 2])) / 6.0
        assert volume > 500.0, part


def test_no_degenerate_triangles(head):
    a, b, c = (head.v_template[head.faces[:, k]] * MM for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=-1) / 2
    assert area.min() > 1e-3
    assert set(np.unique(head.faces)) == set(range(head.num_vertices))


def test_template_and_landmarks_are_symmetric(head):
    points = head.v_template * MM
    distances = np.linalg.norm(points[:, None] * [-1, 1, 1] - points[None], axis=-1)
    assert distances.min(axis=1).max() < 1e-3
    marks = landmarks(head, points)
    pairs = {0: 16, 8: 8, 17: 26, 21: 22, 27: 27, 31: 35, 36: 45, 37: 44, 39: 42, 40: 47, 41: 46}
    pairs |= {48: 54, 49: 53, 51: 51, 55: 59, 57: 57, 60: 64, 61: 63, 65: 67}
    for left, right in pairs.items():
        np.testing.assert_allclose(marks[left] * [-1, 1, 1], marks[right], atol=0.05, err_msg=f"{left}, {right}")


def test_landmarks_are_where_they_should_be(head):
    marks = landmarks(head, head.v_template * MM)
    assert (np.diff(marks[:17, 0]) > 0).all() and marks[0, 0] < -60  # from the subject's right ear
    assert (np.diff(marks[17:27, 0]) > 0).all()
    assert (np.diff(marks[27:31, 1]) < 0).all() and marks[30, 2] > 95  # down the bridge to the tip
    assert (np.diff(marks[31:36, 0]) > 0).all()
    for eye in (marks[36:42], marks[42:48]):
        assert (np.diff(eye[:4, 0]) > 0).all() and (np.diff(eye[[0, 5, 4, 3], 0]) > 0).all()
        assert eye[1:3, 1].min() > eye[[0, 3], 1].max() > eye[4:, 1].max()
    outer, inner = marks[48:60], marks[60:68]
    assert (np.diff(outer[:7, 0]) > 0).all() and (np.diff(outer[[0, 11, 10, 9, 8, 7, 6], 0]) > 0).all()
    assert outer[1:6, 1].min() > outer[7:, 1].max()
    np.testing.assert_allclose(inner[1:4], inner[:4:-1], atol=0.3)  # the lips touch


def test_weights_and_regressor(head):
    np.testing.assert_allclose(head.lbs_weights.sum(-1), 1.0, atol=1e-6)
    assert head.lbs_weights.min() >= 0
    np.testing.assert_allclose(head.J_regressor.sum(-1), 1.0, atol=1e-5)
    assert head.J_regressor.min() >= 0
    rest = np.asarray(lbs.joints(head, np.zeros(100), np.zeros(50))) * MM
    expected = [[0, -116, -40], [0, -41, -40], [0, -11.5, -12], [31, 30, 49], [-31, 30, 49]]
    np.testing.assert_allclose(rest, expected, atol=0.05)


def test_lips_part_when_the_jaw_opens(head):
    marks = landmarks(head, posed(head, pose={JAW_OPEN: 0.4}))
    gap = marks[[61, 62, 63], 1] - marks[[67, 66, 65], 1]
    assert gap[1] > 20 and gap.min() > 8
    upper = landmarks(head, posed(head))[[50, 51, 52]]
    assert np.abs(marks[[50, 51, 52]] - upper).max() < 1.5, "the upper lip stays"


def test_teeth_follow_their_jaw(head):
    still, opened = posed(head), posed(head, pose={JAW_OPEN: 0.4})
    moved = np.linalg.norm(opened - still, axis=-1)[head.regions["teeth"]]
    lower = moved > 1.0
    assert 0.4 < lower.mean() < 0.6 and moved[~lower].max() < 1e-3


@pytest.mark.parametrize(("amount", "side"), [(1.0, "left"), (1.0, "right")])
def test_blink_covers_the_eyeball(head, amount, side):
    letter = side[0].upper()
    vertices = posed(head, **{f"eyeBlink_{letter}": amount})
    marks = landmarks(head, vertices)
    upper, lower = ([43, 44], [47, 46]) if side == "left" else ([37, 38], [41, 40])
    assert np.abs(marks[upper, 1] - marks[lower, 1]).max() < 0.6
    other = ([37, 38], [41, 40]) if side == "left" else ([43, 44], [47, 46])
    assert (marks[other[0], 1] - marks[other[1], 1]).min() > 7
    eyeball = vertices[head.regions[f"{side}_eyeball"]]
    centre = (eyeball.min(0) + eyeball.max(0)) / 2
    lids = head.regions[f"{side}_eye_region"] & ~head.regions["eyeballs"] & head.regions["skin"]
    offset = vertices[lids] - centre
    near = np.hypot(offset[:, 0], offset[:, 1]) < 11.0
    assert np.linalg.norm(offset[near], axis=-1).min() > 15.0, "skin dips into the eyeball"


def test_eyeballs_turn_without_moving(head):
    still, turned = posed(head), posed(head, pose={10: 0.4, 13: 0.4})
    moved = np.linalg.norm(turned - still, axis=-1)
    eyeballs = head.regions["eyeballs"]
    assert moved[eyeballs].max() > 4 and moved[~eyeballs].max() < 1e-3
    for side in ("left", "right"):
        points = head.regions[f"{side}_eyeball"]
        np.testing.assert_allclose(turned[points].mean(0)[1], still[points].mean(0)[1], atol=1e-2)


def test_neck_turns_the_head_and_leaves_the_cut(head):
    moved = np.linalg.norm(posed(head, pose={4: 0.5}) - posed(head), axis=-1)
    heights = head.v_template[:, 1] * MM
    assert moved[(heights < -131) & (head.v_template[:, 2] < 0)].max() < 2.0
    assert moved[head.regions["nose"]].min() > 40


def test_regions(head):
    names = "scalp face skin nose lips mouth mouth_interior left_eyebrow right_eyebrow eyebrows left_eye_region"
    names += " right_eye_region eye_regions left_eyeball right_eyeball left_ear right_ear ears neck back_of_head"
    assert set(names.split()) <= set(head.regions)
    x = head.v_template[:, 0]
    for name in names.split():
        mask = head.regions[name]
        assert mask.dtype == bool and mask.shape == (head.num_vertices,) and mask.sum() >= 20, name
        if name.startswith("left_"):
            other = head.regions[name.replace("left_", "right_")]
            assert mask.sum() == other.sum() and x[mask].min() > -1e-6 and x[other].max() < 1e-6, name
        elif not name.startswith("right_"):
            assert (mask & (x > 1e-6)).sum() == (mask & (x < -1e-6)).sum(), name


@pytest.mark.parametrize(
    ("name", "mark", "direction"),
    [
        ("mouthSmile_L", 54, (1, 1, 0)),
        ("mouthSmile_R", 48, (-1, 1, 0)),
        ("mouthFrown_L", 54, (0, -1, 0)),
        ("mouthPucker", 54, (-1, 0, 1)),
        ("browInnerUp_L", 22, (0, 1, 0)),
        ("browDown_R", 21, (0, -1, 0)),
        ("jawLeft", 8, (1, 0, 0)),
        ("mouthLowerDown_L", 65, (0, -1, 0)),
        ("mouthUpperUp_R", 61, (0, 1, 0)),
    ],
)
def test_expressions_do_what_they_say(head, name, mark, direction):
    moved = landmarks(head, posed(head, **{name: 1.0})) - landmarks(head, posed(head))
    wanted = np.array(direction)
    assert (moved[mark][wanted != 0] * wanted[wanted != 0] > 1.5).all()


def test_one_sided_expressions_are_mirror_images(head):
    for name in head.expression_names:
        if not name.endswith("_L"):
            continue
        left = posed(head, **{name: 1.0}) - posed(head)
        right = posed(head, **{name.replace("_L", "_R"): 1.0}) - posed(head)
        outer = np.abs(head.v_template[:, 0]) * MM > 6.5
        assert np.abs(left[outer & (head.v_template[:, 0] < 0)]).max() < 1e-3, name
        np.testing.assert_allclose(np.abs(left).sum(0), np.abs(right).sum(0), rtol=1e-2, atol=0.5, err_msg=name)


def test_named_shapes_change_what_they_name(head):
    def change(name, region, axis):
        offset = head.shapedirs[:, :, head.shape_names.index(name)][head.regions[region]] * MM
        return np.abs(offset[:, axis]).max()

    assert change("nose_length", "nose", 1) > 2 and change("nose_length", "ears", 1) < 0.1
    assert change("ear_size", "ears", 1) > 2 and change("ear_size", "nose", 1) == 0
    assert change("lip_fullness", "lips", 2) > 1
    assert change("face_width", "face", 0) > 2
    sizes = np.sqrt((head.shapedirs**2).sum(1).mean(0)) * MM
    assert sizes[20] > 3 * sizes[99] > 0


def test_eyeballs_stay_round_under_any_shape(head):
    betas = np.random.default_rng(2).normal(size=100).astype(np.float32)
    vertices = np.asarray(_posed(head, betas, np.zeros(50, np.float32), np.zeros(15, np.float32))) * MM
    rest = np.asarray(lbs.joints(head, betas, np.zeros(50))) * MM
    for side, joint in (("left", 3), ("right", 4)):
        radius = np.linalg.norm(vertices[head.regions[f"{side}_eyeball"]] - rest[joint], axis=-1)
        assert np.ptp(radius) < 0.05


def test_version_changes_with_the_arrays(head):
    """A change of more than rounding must raise VERSION, and then these sums."""
    sums = [
        np.abs(array).sum(dtype=np.float64) for array in (head.v_template, head.shapedirs, head.exprdirs, head.posedirs)
    ]
    assert VERSION == 1
    np.testing.assert_allclose(sums, [3213.92, 1451.84, 222.529, 11.4330], rtol=1e-4)
    assert len(head.faces) == 10966
    assert len(head.sha256) == 64
