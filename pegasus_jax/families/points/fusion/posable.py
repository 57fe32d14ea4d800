"""What fusion needs to know of a baked avatar, and where its points are in frames."""

from typing import Protocol

import jax

from pegasus_jax.families.points.head_space import HeadSpace
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.render import FramePoints


class Posable(Protocol):
    """N canonical points that can be put into frames; a registered dataclass."""

    @property
    def points(self) -> CanonicalPoints:
        """The N points."""

    @property
    def space(self) -> HeadSpace:
        """The head model in the canonical state that the points live in."""

    def frame_points(self, pose: jax.Array, expression: jax.Array, betas: jax.Array) -> FramePoints:
        """The points of one frame: pose (15,), expression (50,), betas (100,)."""


@jax.jit
def positions(avatar: Posable, pose: jax.Array, expression: jax.Array, betas: jax.Array) -> jax.Array:
    """Where the points are (F, N, 3) in frames of pose (F, 15) and expression (F, 50), with betas (100,)."""
    return jax.vmap(lambda p, e: avatar.frame_points(p, e, betas).positions_d)(pose, expression)
