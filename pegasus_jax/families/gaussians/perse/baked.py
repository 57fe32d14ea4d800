"""A finished look of PERSE: of its networks only MLP_pose is left to ask, once a frame."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from pegasus_jax.core.avatar import BakedLook, Primitives
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.gaussians.as_primitives import as_primitives
from pegasus_jax.families.gaussians.drawing import draw_look, in_camera
from pegasus_jax.families.gaussians.params import logits
from pegasus_jax.families.gaussians.perse.posing import CanonicalGaussians, pose_gaussians
from pegasus_jax.families.gaussians.posing import PosedGaussians
from pegasus_jax.flame.model import HeadModel


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PerseLook(BakedLook):
    """One look of one person; a pytree, so that another of the same sizes compiles nothing."""

    networks: nnx.State
    space: HeadSpace
    canonical: CanonicalGaussians
    z: jax.Array  # (Z,)
    betas: jax.Array  # (100,)
    floor: jax.Array  # () rho, head units
    pose_share: jax.Array  # () of MLP_pose's offsets: 0 of an avatar that has not warmed up
    training_side: jax.Array  # () pixels: what dilation belongs to
    graphdef: nnx.GraphDef = dataclasses.field(metadata={"static": True})

    def _posed(self, params: FlameParams) -> PosedGaussians:
        return pose_gaussians(
            nnx.merge(self.graphdef, self.networks),
            self.space,
            self.canonical,
            self.z,
            params,
            floor=self.floor,
            pose_share=self.pose_share,
        )

    def render_frame(
        self, params: FlameParams, camera: Camera, *, options: RenderOptions, extra: jax.Array | None = None
    ) -> Render:
        """The picture of one frame; `extra` (N, C) are blended like colours."""
        posed = in_camera(self._posed(params), camera)
        return draw_look(posed, camera, training_side=self.training_side, options=options, extra=extra)

    def primitives(self, params: FlameParams, camera: Camera) -> Primitives:
        """The Gaussians of one frame."""
        return as_primitives(self._posed(params), camera)

    @property
    def head(self) -> HeadModel:
        """The head model that moves it."""
        return self.space.head

    @property
    def head_vertices(self) -> np.ndarray:
        """(V, 3) the head's mean shape in FLAME-canonical space."""
        return np.asarray(self.space.vertices_fc)

    @property
    def opacities(self) -> jax.Array:
        """(N,) in [0, 1], before what a frame adds."""
        return jax.nn.sigmoid(self.canonical.attributes.opacity[:, 0])

    @property
    def base_colours(self) -> jax.Array:
        """(N, 3) in [0, 1], before what a frame adds."""
        return jax.nn.sigmoid(self.canonical.attributes.colour)

    @property
    def anchors(self) -> np.ndarray:
        """(N, 3) where the Gaussians are in FLAME-canonical space."""
        return np.asarray(self.canonical.x_fc)

    @property
    def vertices(self) -> np.ndarray:
        """(N,) the head vertex nearest to each."""
        return np.asarray(self.canonical.nearest)

    def edited(
        self,
        *,
        colours: ArrayLike | None = None,
        opacities: ArrayLike | None = None,
        offsets: ArrayLike | None = None,
    ) -> "PerseLook":
        """The same look with other base colours (N, 3), opacities (N,), or moved at rest by offsets (N, 3)."""
        canonical, attributes = self.canonical, self.canonical.attributes
        if colours is not None:
            attributes = dataclasses.replace(attributes, colour=logits(colours))
        if opacities is not None:
            attributes = dataclasses.replace(attributes, opacity=logits(opacities)[:, None])
        if offsets is not None:
            rest = canonical.rest
            rest = dataclasses.replace(rest, positions_rest=rest.positions_rest + jnp.asarray(offsets, jnp.float32))
            canonical = dataclasses.replace(canonical, rest=rest)
        return dataclasses.replace(self, canonical=dataclasses.replace(canonical, attributes=attributes))

    def on_shape(self, betas: ArrayLike) -> "PerseLook":
        """The same look: it is drawn on whatever shape a frame has."""
        return self
