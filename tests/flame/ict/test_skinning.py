import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.flame.ict.skinning import joint_regressor


def test_joints_are_read_from_their_support_alone():
    rng = np.random.default_rng(0)
    vertices, joints = rng.normal(size=(60, 3)), 0.1 * rng.normal(size=(5, 3))
    support = rng.uniform(size=(5, 60)) < 0.5
    regressor = joint_regressor(vertices, joints, support)
    np.testing.assert_allclose(regressor @ vertices, joints, atol=1e-12)
    np.testing.assert_allclose(regressor.sum(axis=1), 1.0)
    assert not regressor[~support].any()


def _folded(head, rotation):
    """How many of the skin's triangles turn over when the neck turns by `rotation`, an axis-angle."""
    vertices, root = head["v_template"].astype(np.float64), head["weights"][:, 0].astype(np.float64)
    triangles = head["f"][head["mask_skin"][head["f"]].all(axis=1)]
    turned = Rotation.from_rotvec(rotation).apply(vertices - head["J"][1]) + head["J"][1]
    posed = root[:, None] * vertices + (1 - root[:, None]) * turned
    before, after = (np.cross(*np.diff(points[triangles], axis=1).swapaxes(0, 1)) for points in (vertices, posed))
    share = 1 - root[triangles].mean(axis=1)
    expected = Rotation.from_rotvec(share[:, None] * rotation).apply(before)
    return int(np.sum(np.einsum("fc,fc->f", expected, after) < 0))


def test_the_neck_folds_less_than_that_of_the_first_head(arrays, first_head):
    for rotation in ([0.5, 0, 0], [-0.6, 0, 0], [0, 1.1, 0], [0, 0, 0.6], [0.4, 0.7, 0]):
        assert _folded(arrays, np.array(rotation)) == 0
    assert _folded(first_head, np.array([0.5, 0, 0])) > 30, "the count sees folds"
    assert _folded(arrays, np.array([0.6, 0, 0])) < 10


def test_the_face_and_its_landmarks_turn_wholly_with_the_head(arrays):
    on_landmarks = arrays["f"][arrays["mediapipe_face_idx"]]
    assert arrays["weights"][on_landmarks, 0].max() == 0
    rim = arrays["v_template"][:, 1] < arrays["v_template"][:, 1].min() + 0.003
    assert arrays["weights"][rim, 0].min() > 0.9, "the cut stays with the shoulders"
