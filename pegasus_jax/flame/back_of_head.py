"""The back of the head, on any head model."""

import jax.numpy as jnp
import numpy as np

from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, HeadModel

_NECK, _JAW = 1, 2
_BEHIND = 0.1  # head units behind the jaw joint, which lies in front of the ear: past the ear


def back_of_head(head: HeadModel) -> np.ndarray:
    """(V,) bool: the head's region of that name, else what lies behind the ears and above the neck joint."""
    if "back_of_head" in head.regions:
        return np.asarray(head.regions["back_of_head"], bool)
    joints = np.asarray(lbs.joints(head, jnp.zeros(NUM_BETAS), jnp.zeros(NUM_EXPRESSION)))
    vertices = np.asarray(head.v_template)
    return (vertices[:, 2] < joints[_JAW, 2] - _BEHIND) & (vertices[:, 1] > joints[_NECK, 1])
