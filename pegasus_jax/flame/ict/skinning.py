"""Joints and skinning weights of the open head: root, neck, jaw, left eye, right eye."""

import numpy as np

from pegasus_jax.flame.ict.subset import is_skin
from pegasus_jax.flame.ict.table import EYEBALL_JOINTS, PARTS, Table

# The neck turns with the head over a long way, or else it folds under the chin when the head nods. Metres, and metres
# of height for a metre forwards.
_NECK_START, _NECK_HEIGHT, _NECK_TILT = -0.15, 0.09, 0.45
_ROOT, _NECK, _JAW = 0, 1, 2  # joints


def skinning_weights(table: Table, vertices: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Weights (V, 5), rows sum to 1, of template `vertices` (V, 3) whose share of the jaw is `jaw` (V,)."""
    weights = np.zeros((len(vertices), 5))
    weights[:, _JAW] = jaw
    weights[:, _ROOT] = np.where(is_skin(table), (1 - _above_neck(vertices)) * (1 - jaw), 0.0)
    weights[:, _NECK] = 1 - weights[:, _JAW] - weights[:, _ROOT]
    for name, joint in EYEBALL_JOINTS.items():
        weights[table.part == PARTS.index(name)] = np.eye(5)[joint]
    return weights


def joint_regressor(vertices: np.ndarray, joints: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Rows (5, V) that sum to 1 and give `joints` (5, 3): the most even ones on `support` (5, V)."""
    regressor = np.zeros(support.shape)
    for row, joint, chosen in zip(regressor, joints, support):
        conditions = np.column_stack([np.ones(np.count_nonzero(chosen)), vertices[chosen]])
        even = np.full(len(conditions), 1 / len(conditions))
        missing = np.append(1.0, joint) - even @ conditions
        row[chosen] = even + np.linalg.lstsq(conditions.T, missing, rcond=None)[0]
    return regressor


def _above_neck(vertices: np.ndarray) -> np.ndarray:
    """From 0 at the shoulders to 1 at the skull, smoothly (V,)."""
    height = vertices[:, 1] + _NECK_TILT * vertices[:, 2]
    t = np.clip((height - _NECK_START) / _NECK_HEIGHT, 0.0, 1.0)
    return t * t * (3 - 2 * t)
