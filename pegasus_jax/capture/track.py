"""The unknowns of the fit: one row of numbers per frame and one row shared by the clip.

Positions in pictures are in crop sides: (0, 0) the upper left corner, (1, 1) the lower right one. The focal length is
in crop sides too. A frame's placement is (x, y, distance / focal length): in these terms a change of the focal length
leaves the head's size in the picture alone, which keeps the least-squares problem well conditioned.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, POSE_SIZE

# Columns of a frame's row.
NECK, JAW, EYES, PLACEMENT = slice(0, 3), slice(3, 6), slice(6, 12), slice(12, 15)
EXPRESSION = slice(15, 15 + NUM_EXPRESSION)
DISTANCE = 14
FRAME_SIZE = EXPRESSION.stop

# Columns of the shared row.
BETAS, LOG_FOCAL = slice(0, NUM_BETAS), NUM_BETAS
SHARED_SIZE = NUM_BETAS + 1


@dataclasses.dataclass(frozen=True)
class Track:
    """A fitted clip."""

    frames: np.ndarray  # (F, 65) float64
    shared: np.ndarray  # (101,) float64

    @property
    def betas(self) -> np.ndarray:
        """(100,)."""
        return self.shared[BETAS]

    @property
    def expression(self) -> np.ndarray:
        """(F, 50)."""
        return self.frames[:, EXPRESSION]

    @property
    def pose(self) -> np.ndarray:
        """(F, 15) axis-angle, radians; the global rotation is zero."""
        return np.concatenate([np.zeros((len(self.frames), 3)), self.frames[:, : EYES.stop]], axis=1)

    @property
    def focal(self) -> float:
        """Focal length in crop sides."""
        return float(np.exp(self.shared[LOG_FOCAL]))

    @property
    def world_mat(self) -> np.ndarray:
        """(F, 3, 4) IMAvatar's [I | t], head units."""
        translation = self.frames[:, PLACEMENT] * np.array([1.0, 1.0, -self.focal])
        identity = np.broadcast_to(np.eye(3), (len(self.frames), 3, 3))
        return np.concatenate([identity, translation[:, :, None]], axis=2)

    @property
    def intrinsics(self) -> np.ndarray:
        """(4,) IMAvatar's [-fx/W, fy/H, cx/W, cy/H]; the principal point is the crop's centre."""
        return np.array([-self.focal, self.focal, 0.5, 0.5])


def pose_of(row: jax.Array) -> jax.Array:
    """The head model's pose (15,) of a frame's row (65,)."""
    return jnp.concatenate([jnp.zeros(3, row.dtype), row[: POSE_SIZE - 3]])


def project_point(point: jax.Array, placement: jax.Array, log_focal: jax.Array) -> jax.Array:
    """A posed point (3,), head units -> (2,) in crop sides, y down; `placement` (3,) as above."""
    focal = jnp.exp(log_focal)
    x, y, distance = placement
    depth = distance * focal - point[2]
    return 0.5 + focal / depth * jnp.stack([point[0] + x, -(point[1] + y)])


def project(points: jax.Array, row: jax.Array, shared: jax.Array) -> jax.Array:
    """Posed points (P, 3), head units -> (P, 2) in crop sides."""
    return jax.vmap(project_point, (0, None, None))(points, row[PLACEMENT], shared[LOG_FOCAL])
