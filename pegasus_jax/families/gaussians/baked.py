"""A finished look of rigged Gaussians: nothing is left to evaluate but skinning and a few bases."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pegasus_jax.core.avatar import BakedLook, Primitives
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.families.gaussians.as_primitives import as_primitives
from pegasus_jax.families.gaussians.binding import Binding
from pegasus_jax.families.gaussians.drawing import draw_look
from pegasus_jax.families.gaussians.params import Params, logits, opacities
from pegasus_jax.families.gaussians.posing import pose_gaussians
from pegasus_jax.families.gaussians.rig import Rig, build_rig
from pegasus_jax.flame import lbs
from pegasus_jax.flame.canonical import canonical_pose
from pegasus_jax.flame.model import NUM_BETAS, HeadModel


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class GaussianLook(BakedLook):
    """One look of one person; a pytree, so that another of the same sizes compiles nothing.

    Betas of the frames that it is asked to draw are not looked at: it is on the person's own shape until `on_shape`.
    """

    params: Params
    rig: Rig
    binding: Binding  # in the rig's order
    head: HeadModel
    betas: jax.Array  # (100,) the person's own shape
    shape_betas: jax.Array  # (100,) the shape that it is drawn on
    training_side: jax.Array  # () pixels: what dilation belongs to

    def render_frame(
        self, params: FlameParams, camera: Camera, *, options: RenderOptions, extra: jax.Array | None = None
    ) -> Render:
        """The picture of one frame; `extra` (N, C) are blended like colours."""
        posed = pose_gaussians(
            self.params, self.rig, params.expression, params.pose, T_camera_world=camera.T_camera_world
        )
        return draw_look(
            posed,
            camera,
            training_side=self.training_side,
            options=options,
            depth_bias=self.rig.depth_bias,
            extra=extra,
        )

    @property
    def opacities(self) -> jax.Array:
        """(N,) in [0, 1]."""
        return opacities(self.params, self.rig)

    @property
    def base_colours(self) -> jax.Array:
        """(N, 3) in [0, 1], before what the bases add."""
        return jnp.clip(self.params.colour.T, 0.0, 1.0)

    @property
    def head_vertices(self) -> np.ndarray:
        """(V, 3) the head's mean shape in FLAME-canonical space."""
        return np.asarray(
            lbs.vertices(self.head, jnp.zeros(NUM_BETAS), self._expression, jnp.asarray(canonical_pose()))
        )

    @property
    def anchors(self) -> np.ndarray:
        """(N, 3) where the Gaussians are on the mean shape in FLAME-canonical space."""
        posed = pose_gaussians(self.params, self.rig, self._expression, jnp.asarray(canonical_pose()))
        shape = np.asarray(self.head.shapedirs) @ np.asarray(self.shape_betas)
        corners = np.asarray(self.head.faces)[np.asarray(self.binding.faces_idx)]
        return np.asarray(posed.means).T - np.einsum("nk,nkc->nc", np.asarray(self.binding.bary), shape[corners])

    @property
    def vertices(self) -> np.ndarray:
        """(N,) the nearest corner of the triangle that each is bound to."""
        corners = np.asarray(self.head.faces)[np.asarray(self.binding.faces_idx)]
        nearest = np.asarray(self.binding.bary).argmax(axis=1)
        return np.take_along_axis(corners, nearest[:, None], axis=1)[:, 0]

    @property
    def _expression(self) -> jax.Array:
        return self.rig.driving_mean[: self.head.exprdirs.shape[2]]

    def primitives(self, params: FlameParams, camera: Camera) -> Primitives:
        """The Gaussians of one frame; a normal is the shortest axis, towards the camera."""
        posed = pose_gaussians(self.params, self.rig, params.expression, params.pose)
        return as_primitives(posed, camera)

    def edited(
        self,
        *,
        colours: ArrayLike | None = None,
        opacities: ArrayLike | None = None,
        offsets: ArrayLike | None = None,
    ) -> "GaussianLook":
        """The same look with other base colours (N, 3), opacities (N,), or moved at rest by offsets (N, 3)."""
        params, rig = self.params, self.rig
        if colours is not None:
            params = dataclasses.replace(params, colour=jnp.asarray(colours, jnp.float32).T)
        if opacities is not None:
            params = dataclasses.replace(params, opacity_logit=logits(opacities))
        if offsets is not None:
            rig = dataclasses.replace(rig, rest=rig.rest.at[:3].add(jnp.asarray(offsets, jnp.float32).T))
        return dataclasses.replace(self, params=params, rig=rig)

    def on_shape(self, betas: ArrayLike) -> "GaussianLook":
        """The same look, drawn on a head of another shape, `betas` (100,): each Gaussian stays on its triangle."""
        rig = self.rig
        own, other = (
            build_rig(self.head, np.asarray(shape), self.binding, rig.driving)[0] for shape in (self.shape_betas, betas)
        )
        moved = dataclasses.replace(other, rest=rig.rest + other.rest - own.rest)  # with what `edited` has moved
        return dataclasses.replace(self, rig=moved, shape_betas=jnp.asarray(betas, jnp.float32))
