"""A look of a trained avatar without its networks: what a frame needs of them, as tables."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.families.free_points.head_space import HeadSpace, frame_motion
from pegasus_jax.families.points import octahedral
from pegasus_jax.families.points.baked_points import BakedPoints, pose_baked
from pegasus_jax.families.points.look import PointLook
from pegasus_jax.families.points.render import FramePoints
from pegasus_jax.flame.model import HeadModel

SHADING_SIZE = 129  # rows of the table of shading: odd, and fine enough for errors below a level of 8 bits


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BakedPointLook(PointLook):
    """One look of an avatar, N points: a frame is skinning, a table of shading by normal (spec 3.4), and splatting.

    A point takes 180 + 16 R bytes with R modes of motion, usually 24 or 32 (float16: 130 + 8 R): 174,000 points 120 MB
    (70 MB), where their whole bases and derivatives would take 740 MB.
    """

    points: BakedPoints
    space: HeadSpace
    shading: jax.Array  # (S, S, 3): shading by normal, an octahedral table
    z: jax.Array  # (Z,) that it was baked from
    betas: jax.Array  # (100,)
    radius: jax.Array  # () NDC
    ndc_per_unit: jax.Array | None  # () of the cameras it was trained with; None: the radius holds for all
    head_prior: bool = dataclasses.field(metadata={"static": True})  # the modes are residuals on the head model's bases
    max_points_per_pixel: int | None = dataclasses.field(metadata={"static": True})  # where options name none

    @property
    def head(self) -> HeadModel:
        """The head model."""
        return self.space.head

    @property
    def head_vertices(self) -> np.ndarray:
        """(V, 3) FLAME-canonical."""
        return np.asarray(self.space.vertices_fc)

    @property
    def anchors(self) -> np.ndarray:
        """(N, 3) FLAME-canonical."""
        return np.asarray(self.points.x_fc)

    @property
    def vertices(self) -> np.ndarray:
        """(N,) nearest head vertices."""
        return np.asarray(self.points.rest.nearest)

    @property
    def base_colours(self) -> jax.Array:
        """(N, 3): the albedo."""
        return self.points.albedo

    @property
    def opacities(self) -> jax.Array:
        """(N,) in [0, 1]."""
        return self.points.opacity

    def edited(
        self,
        *,
        colours: ArrayLike | None = None,
        opacities: ArrayLike | None = None,
        offsets: ArrayLike | None = None,
    ) -> "BakedPointLook":
        """The same look with another albedo (N, 3), opacities (N,), or moved in rest pose by offsets (N, 3)."""
        points = self.points
        if colours is not None:
            points = dataclasses.replace(points, albedo=jnp.asarray(colours))
        if opacities is not None:
            points = dataclasses.replace(points, opacity=jnp.asarray(opacities))
        if offsets is not None:
            rest = points.rest
            moved = rest.positions_rest.at[:, 0].add(jnp.asarray(offsets, jnp.float32).T)
            points = dataclasses.replace(points, rest=dataclasses.replace(rest, positions_rest=moved))
        return dataclasses.replace(self, points=points)

    def on_shape(self, betas: ArrayLike) -> "BakedPointLook":
        """The same look: points follow the betas of each frame."""
        return self

    def frame_points(self, params: FlameParams) -> FramePoints:
        """The N points in one frame."""
        motion = frame_motion(self.space, params)
        posed = pose_baked(self.points.rest, motion, head_prior=self.head_prior)
        return FramePoints(
            positions_d=posed.positions_d,
            normals_d=posed.normals_d,
            shading=octahedral.lookup(self.shading, posed.normals_d),
            albedo=self.points.albedo,
            seg_logit=self.points.seg_logit,
            opacity=self.points.opacity,
            inner=self.points.inner,
            radius=self.radius * self.points.scale,
            alive=None,
        )
