import numpy as np

from pegasus_jax.flame import builtin_head, load_head
from pegasus_jax.flame.iris import IRIS_RADIUS, eyeball_vertices, iris_embedding


def _points(head, embedding):
    return (head.v_template[head.faces[embedding.faces_idx]] * embedding.bary[..., None]).sum(1)


def test_centres_edges_and_order():
    head = builtin_head()
    points = _points(head, iris_embedding(head.v_template, head.faces, head.lbs_weights))
    for first, sign in ((0, -1), (5, 1)):
        centre, *edges = points[first : first + 5]
        assert np.sign(centre[0]) == sign
        offsets = (np.array(edges) - centre)[:, :2] / IRIS_RADIUS
        np.testing.assert_allclose(offsets, [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=1e-3)


def test_points_lie_on_the_eyeballs():
    head = builtin_head()
    embedding = iris_embedding(head.v_template, head.faces, head.lbs_weights)
    right, left = (eyeball_vertices(head.lbs_weights, joint) for joint in (4, 3))
    assert right[head.faces[embedding.faces_idx[:5]]].all() and left[head.faces[embedding.faces_idx[5:]]].all()


def test_a_head_without_eyeballs_has_none():
    head = builtin_head()
    weights = np.zeros_like(head.lbs_weights)
    weights[:, 1] = 1.0
    assert iris_embedding(head.v_template, head.faces, weights) is None


def test_agrees_with_the_open_head(real_data):
    head = load_head(real_data / "assets" / "ict_head.npz")
    found = _points(head, iris_embedding(head.v_template, head.faces, head.lbs_weights))
    # Its points were traced from a landmarker; the largest distance seen is 2.8 mm.
    assert np.linalg.norm(found - _points(head, head.iris), axis=-1).max() < 0.0032 * 4
