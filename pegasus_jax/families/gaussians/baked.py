"""A finished avatar of rigged Gaussians: nothing is left to evaluate but the few bases and the skinning."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

import rasterizer
from pegasus_jax.core.camera import Camera
from pegasus_jax.families.gaussians.drawing import draw_frame
from pegasus_jax.families.gaussians.model import Settings, State
from pegasus_jax.families.gaussians.params import Params
from pegasus_jax.families.gaussians.posing import pose_gaussians
from pegasus_jax.families.gaussians.rig import Rig
from pegasus_jax.families.gaussians.unseen import with_unseen_filled


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Primitives:
    """N Gaussians of one frame in the world's axes."""

    means: jax.Array  # (N, 3) head units
    covariances: jax.Array  # (N, 3, 3)
    opacities: jax.Array  # (N,) in [0, 1]
    colours: jax.Array  # (N, 3) in [0, 1]
    faces_idx: jax.Array  # (N,) int32: the triangle that each is bound to
    bary: jax.Array  # (N, 3)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BakedGaussians:
    """One look of one person; a pytree, so that another of the same sizes compiles nothing."""

    params: Params
    rig: Rig
    faces_idx: jax.Array  # (N,) int32
    bary: jax.Array  # (N, 3)
    training_side: jax.Array  # () pixels: what dilation belongs to

    def render(
        self, expression: jax.Array, pose: jax.Array, camera: Camera, *, max_overlaps: int | None = None
    ) -> rasterizer.Splats:
        """Returns the picture for expression (50,) and pose (15,), without background, at the camera's size."""
        return draw_frame(
            self.params,
            self.rig,
            expression,
            pose,
            camera,
            training_side=self.training_side,
            max_overlaps=max_overlaps,
        )

    def primitives(self, expression: jax.Array, pose: jax.Array) -> Primitives:
        """Returns the Gaussians of one frame, for export and for whatever looks at them one by one."""
        posed = pose_gaussians(self.params, self.rig, expression, pose)
        covariances = jnp.einsum("ikn,jkn->nij", posed.factors, posed.factors, precision=jax.lax.Precision.HIGHEST)
        return Primitives(posed.means.T, covariances, posed.opacities, posed.colours.T, self.faces_idx, self.bary)


def bake(params: Params, state: State, settings: Settings) -> BakedGaussians:
    """Returns the avatar as it is drawn: what no training frame showed takes the colours of what is beside it."""
    return BakedGaussians(
        params=with_unseen_filled(params, state.rig, np.asarray(state.shown)),
        rig=state.rig,
        faces_idx=jnp.asarray(state.binding.faces_idx),
        bary=jnp.asarray(state.binding.bary),
        training_side=jnp.asarray(settings.training_side, jnp.float32),
    )
