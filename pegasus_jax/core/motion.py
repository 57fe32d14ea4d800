"""What drives the frames of a picture: FLAME parameters and cameras."""

import dataclasses
from typing import Any

import jax

from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Motion:
    """F frames."""

    params: FlameParams  # F of them
    cameras: Camera  # F of them

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.params.pose)

    def frames(self, rows: Any) -> "Motion":
        """The frames at `rows`, which index the first axis as NumPy does; one frame loses that axis."""
        return jax.tree.map(lambda array: array[rows], self)
