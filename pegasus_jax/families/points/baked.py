"""A look of a trained avatar without its networks: what a frame needs of them, as tables."""

import dataclasses

import jax

from pegasus_jax.families.points import octahedral
from pegasus_jax.families.points.baked_points import BakedPoints, pose_baked
from pegasus_jax.families.points.head_space import HeadSpace, frame_motion
from pegasus_jax.families.points.render import FramePoints
from pegasus_jax.inference.any_avatar import AnyBaked

SHADING_SIZE = 129  # rows of the table of shading: odd, and fine enough for errors below a level of 8 bits


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BakedAvatar(AnyBaked):
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
    head_prior: bool = dataclasses.field(metadata={"static": True})  # the modes are residuals on the head model's bases
    max_points_per_pixel: int | None = dataclasses.field(metadata={"static": True})  # where options name none
    ndc_per_unit: float | None = dataclasses.field(metadata={"static": True})  # of the cameras it was trained with

    def frame_points(self, pose: jax.Array, expression: jax.Array, betas: jax.Array) -> FramePoints:
        """The N points in one frame."""
        motion = frame_motion(self.space, betas, expression, pose)
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
