"""The FLAME canonical pose: where a head's canonical points live."""

import numpy as np

from pegasus_jax.flame.model import JAW_OPEN, POSE_SIZE

CANONICAL_JAW = 0.4  # radians: the lips must be apart, or points of both would share one place


def canonical_pose() -> np.ndarray:
    """The pose (15,) of the FLAME canonical space: all zeros but the open jaw."""
    pose = np.zeros(POSE_SIZE, np.float32)
    pose[JAW_OPEN] = CANONICAL_JAW
    return pose
