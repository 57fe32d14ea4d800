import numpy as np
import pytest

from pegasus_jax.demo.look import Look
from pegasus_jax.demo.people import CAST
from pegasus_jax.demo.stage import Stage
from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head, lbs
from pegasus_jax.flame.model import JAW_OPEN, NUM_EXPRESSION, POSE_SIZE

POSE = np.zeros(POSE_SIZE, np.float32)
POSE[4], POSE[JAW_OPEN] = 0.35, 0.1
EXPRESSION = np.zeros(NUM_EXPRESSION, np.float32)


def test_borrowed_shape_stays_near_its_part_and_leaves_the_joints():
    head = builtin_head()
    look = Look(CAST["ada"], {"nose": CAST["dan"]})
    stage = Stage(head, look)
    offset = look.local_offset(head, stage.anatomy)
    moved = np.linalg.norm(offset, axis=-1) > 1e-6
    nose = stage.anatomy.template[np.asarray(head.regions["nose"])]
    far = [np.linalg.norm(nose - vertex, axis=-1).min() for vertex in stage.anatomy.template[moved]]
    assert 0 < max(far) < 0.05 + 1e-5
    plain = lbs.vertices(head, CAST["ada"].shape, EXPRESSION, POSE)
    np.testing.assert_allclose(stage.vertices(EXPRESSION, POSE)[~moved], plain[~moved], atol=1e-5)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="no attribute 'beard'; there are hair, hat"):
        Look(CAST["ada"], {"beard": CAST["ben"]})
    with pytest.raises(UserError, match="ben has no hat to lend"):
        Look(CAST["ada"], {"hat": CAST["ben"]})
