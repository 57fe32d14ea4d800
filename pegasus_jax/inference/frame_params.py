"""A frame of a clip as it stands in a dataset folder that is written anew."""

import jax
import numpy as np

from pegasus_jax.data import Dataset, FrameParams
from pegasus_jax.flame import lbs
from pegasus_jax.flame.landmarks import landmarks68
from pegasus_jax.flame.model import HeadModel


def frame_params_of(clip: Dataset, index: int, head: HeadModel) -> FrameParams:
    """Returns the parameters of the frame at `index`, with the head's landmarks where its camera sees them."""
    keypoints = _keypoints(head, clip, index)
    return FrameParams(
        number=int(clip.numbers[index]),
        world_mat=clip.world_mat[index],
        expression=clip.expression[index],
        pose=clip.pose[index],
        bbox=np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)]),
        flame_keypoints=keypoints,
    )


def _keypoints(head: HeadModel, clip: Dataset, index: int) -> np.ndarray:
    """The head's 68 landmarks (or, if it names none, all its vertices) in [-1, 1], x right, y down."""
    points = _landmarks(head, clip.frame_betas[index], clip.expression[index], clip.pose[index])
    means2d, _ = clip.camera(index).project(points)
    return 2.0 * np.asarray(means2d) / [clip.image_size[1], clip.image_size[0]] - 1.0


@jax.jit
def _landmarks(head: HeadModel, betas: jax.Array, expression: jax.Array, pose: jax.Array) -> jax.Array:
    """(68, 3), or all vertices (V, 3) of a head that names none."""
    vertices = lbs.vertices(head, betas, expression, pose)
    return landmarks68(head, vertices, pose) if len(head.lmk68.faces_idx) else vertices
