"""What the tracked head model does in the training frames: what it shows of its inside, and how far its skin stretches.

Both tell the points of an avatar what pictures say too late or not at all, as the regularisation of their bases does.
"""

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.core.camera import Camera
from pegasus_jax.data.frames import Batch, take
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.points.render import INNER_SETBACK
from pegasus_jax.flame import lbs
from pegasus_jax.flame.head_discs import splat_triangles
from pegasus_jax.flame.normals import triangle_areas

_STRETCH_FRAMES = 24


def inner_shown(space: HeadSpace, frames: Batch) -> np.ndarray:
    """(B, H, W) uint8: where the head model of B frames shows eyeballs or the inside of the mouth; 255 is all of it."""
    return np.stack([np.asarray(_inner(space, take(frames, row))) for row in range(len(frames.frame))])


@jax.jit
def _inner(space: HeadSpace, frame: Batch) -> jax.Array:
    faces = jnp.asarray(space.head.faces)
    inner = jnp.all(space.parts[faces] > 0, axis=1)
    vertices = lbs.vertices(space.head, frame.betas, frame.expression, frame.pose)
    camera = Camera(frame.T_camera_world, frame.intrinsics, frame.image.shape[:2])
    features = inner[:, None].astype(jnp.float32)
    out = splat_triangles(vertices, faces, features, camera, setback=INNER_SETBACK * inner)
    return jnp.round(255.0 * out.image[..., 0]).astype(jnp.uint8)


def largest_areas(space: HeadSpace, *, betas: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(faces,) head units squared: each triangle's largest area in some of F frames (leading axis), spread over them.

    A lid's skin is folded away while the eye is open: points that are to cover it shut must know how large it gets.
    """
    some = np.unique(np.linspace(0, len(pose) - 1, _STRETCH_FRAMES).astype(int))
    posed = jax.vmap(lbs.vertices, (None, 0, 0, 0))
    vertices = np.asarray(posed(space.head, jnp.asarray(betas[some]), expression[some], pose[some]))
    states = np.concatenate([vertices, np.asarray(space.vertices_fc)[None]])
    return triangle_areas(states, np.asarray(space.head.faces)).max(axis=0)
