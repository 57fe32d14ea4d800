"""What fusion needs to know of a baked avatar, and where its points are in frames."""

from typing import Protocol

import jax

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import HeadSpace
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

    def frame_points(self, params: FlameParams) -> FramePoints:
        """The points of one frame."""


@jax.jit
def positions(avatar: Posable, frames: FlameParams) -> jax.Array:
    """Where the points are (F, N, 3) in F frames."""
    return jax.vmap(lambda params: avatar.frame_points(params).positions_d)(frames)
