"""FLAME parameters: what a FLAME-layout head does, from capture to viewer, always in this order."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class FlameParams:
    """One frame, or several: all three arrays then have the same leading axes. Of NumPy or of JAX."""

    betas: Any  # (*, 100) the person's shape
    expression: Any  # (*, 50)
    pose: Any  # (*, 15) radians, axis-angle: global 3, neck 3, jaw 3, left eye 3, right eye 3

    @classmethod
    def of_frames(cls, betas: Any, expression: Any, pose: Any) -> "FlameParams":
        """Frames (F, …) of one person, whose betas (100,) are repeated for each."""
        return cls(np.broadcast_to(np.asarray(betas), (len(pose), np.shape(betas)[-1])), expression, pose)

    def with_betas(self, betas: Any) -> "FlameParams":
        """The same on another person's shape (100,)."""
        return FlameParams(jnp.broadcast_to(betas, np.shape(self.betas)), self.expression, self.pose)

    def frames(self, rows: Any) -> "FlameParams":
        """The frames at `rows`, which index the first axis as NumPy does."""
        return jax.tree.map(lambda array: array[rows], self)

    @property
    def is_batched(self) -> bool:
        """Whether these are several frames."""
        return np.ndim(self.pose) > 1
