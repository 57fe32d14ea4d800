"""What every avatar can do, whatever its family: choose a look, bake it, render it in any pose.

An avatar has looks by name, and a latent for each. `bake` does once for a latent all that no frame changes; what it
gives is a `BakedLook`, a pytree that goes through `jit` and `vmap`. Avatars made of primitives (points, Gaussians) can
also say where these are, and be edited primitive by primitive: `HasPrimitives`. Ask an avatar what it can do
(`capabilities`), never what it is.
"""

import abc
import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.latents import Latent
from pegasus_jax.core.render import Render, RenderOptions

Swap = str | tuple[str, float]  # the name of a look, or its name and how far to go towards it
_Look = TypeVar("_Look", bound="HasPrimitives")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Primitives:
    """N primitives of one frame as 3D Gaussians, in world axes and head units."""

    means: jax.Array  # (N, 3)
    quaternions: jax.Array  # (N, 4) w, x, y, z: the axes of the Gaussians
    scales: jax.Array  # (N, 3) standard deviations along them
    opacities: jax.Array  # (N,) in [0, 1]
    colours: jax.Array  # (N, 3) in [0, 1], as they are seen
    light: jax.Array  # (N, 3): what a primitive's base colour is multiplied by; 1 where there is no shading
    normals: jax.Array  # (N, 3), unit length
    alive: jax.Array  # (N,) bool: is drawn


class BakedLook(abc.ABC):
    """One look of an avatar, ready for any frame; a registered dataclass."""

    betas: jax.Array  # (100,) the person's shape
    channels: frozenset[str] = frozenset({"rgb"})  # that it can be rendered in

    @abc.abstractmethod
    def render_frame(
        self, params: FlameParams, camera: Camera, *, options: RenderOptions, extra: jax.Array | None = None
    ) -> Render:
        """The picture of one frame; `extra` (N, C) are numbers of the primitives that are blended like colours."""

    def render(
        self,
        params: FlameParams,
        camera: Camera,
        *,
        options: RenderOptions = RenderOptions(),
        extra: jax.Array | None = None,
    ) -> Render:
        """The picture of one frame or, with a leading axis on all arrays of `params` and `camera`, of several.

        Outside a trace it waits for the picture, and draws it again with more room if primitives did not fit.
        """
        params = jax.tree.map(lambda array: jnp.asarray(array, jnp.float32), params)
        out = _render(self, params, camera, extra, options=options)
        while not isinstance(out.overflow, jax.core.Tracer) and np.any(out.overflow):
            options = options.roomier()
            out = _render(self, params, camera, extra, options=options)
        return out


@functools.partial(jax.jit, static_argnames="options")
def _render(baked: BakedLook, params: FlameParams, camera: Camera, extra, *, options: RenderOptions) -> Render:
    def draw(params: FlameParams, camera: Camera) -> Render:
        return baked.render_frame(params, camera, options=options, extra=extra)

    return jax.vmap(draw)(params, camera) if params.is_batched else draw(params, camera)


class HasPrimitives(Protocol):
    """A baked look that is made of N primitives."""

    betas: jax.Array  # (100,) the person's shape
    channels: frozenset[str]  # that it can be rendered in

    @property
    def head(self) -> Any:
        """The `flame.model.HeadModel` that moves it."""

    @property
    def head_vertices(self) -> np.ndarray:
        """(V, 3) head units: the head's mean shape in FLAME-canonical space."""

    @property
    def opacities(self) -> jax.Array:
        """(N,) in [0, 1], which `edited` replaces."""

    def render(
        self, params: FlameParams, camera: Camera, *, options: RenderOptions, extra: jax.Array | None = None
    ) -> Render:
        """As of every baked look."""

    def render_frame(
        self, params: FlameParams, camera: Camera, *, options: RenderOptions, extra: jax.Array | None = None
    ) -> Render:
        """As of every baked look."""

    @property
    def anchors(self) -> np.ndarray:
        """(N, 3) head units: where the primitives are in FLAME-canonical space: what neighbours are told by."""

    @property
    def vertices(self) -> np.ndarray:
        """(N,) the head vertex that each primitive moves with."""

    @property
    def base_colours(self) -> jax.Array:
        """(N, 3) in [0, 1]: colours before light, which `edited` replaces."""

    def primitives(self, params: FlameParams, camera: Camera) -> Primitives:
        """The primitives of one frame, as `camera` sees them."""

    def edited(
        self: _Look,
        *,
        colours: ArrayLike | None = None,
        opacities: ArrayLike | None = None,
        offsets: ArrayLike | None = None,
    ) -> _Look:
        """The same look with other base colours (N, 3), opacities (N,), or moved at rest by offsets (N, 3)."""

    def on_shape(self: _Look, betas: ArrayLike) -> _Look:
        """The same look, ready for frames of a head of another shape, `betas` (100,); `betas` stay the person's own."""


class LatentSpace(Protocol):
    """What names of looks mean in codes: a learned table, a network over pictures and words, or nothing."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the looks; the first is the person as filmed."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The category of each look but the first."""

    def latent(self, look: str | None = None) -> Latent:
        """The latent of a look; the person as filmed by default."""

    def compose(self, base: Mapping[str, jax.Array], swaps: Mapping[str, Swap]) -> Latent:
        """`base` with other looks' codes in some categories, wholly or by a weight."""

    def sample(self, base: Mapping[str, jax.Array], categories: Sequence[str], *, seed: int, number: int = 0) -> Latent:
        """`base` with random codes in some categories."""


class Avatar(abc.ABC):
    """An avatar of one person, with looks that have names."""

    description: Any  # `families.description.AvatarDescription`
    head: Any  # `flame.model.HeadModel` that moves it
    betas: jax.Array  # (100,) the person's shape
    expression_c: jax.Array  # (50,) the person's mean expression: the neutral one

    @property
    @abc.abstractmethod
    def trained_looks(self) -> LatentSpace:
        """The looks with their codes."""

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of all that the codes go through, as hex: they mean something to this avatar alone."""

    @property
    @abc.abstractmethod
    def capabilities(self) -> frozenset[str]:
        """What it can do besides `render`: some of "primitives", "looks", "fuse", "program", "web"."""

    @property
    @abc.abstractmethod
    def size(self) -> str:
        """What it is made of, in words: "15360 points"."""

    @abc.abstractmethod
    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> BakedLook:
        """Does once for a latent (the first look's by default) all that does not depend on the frame.

        `dtype="float16"` halves the memory that it takes, where the family can.
        """

    @abc.abstractmethod
    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""

    fusing_steps: tuple[str, ...] = ()  # of an avatar that was fused of two, in order; the first only joins them

    def bake_step(self, latent: Mapping[str, jax.Array], step: str) -> BakedLook:
        """A look after one of the `fusing_steps`."""
        raise NotImplementedError(f"This avatar was not fused: it has no step {step!r}.")

    def alignment_report(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Of a fused avatar, by attribute and look that it was aligned for: distances before and after."""
        return {}

    def as_filmed(self) -> BakedLook:
        """The person without any edit; of a fused avatar, the recipient's own."""
        return self.bake()

    @property
    def looks(self) -> tuple[str, ...]:
        """Names of the looks; the first is the person as filmed, or as fused."""
        return self.trained_looks.names

    def latent(self, look: str | None = None, **swaps: Swap) -> Latent:
        """The latent of a look, by name (the first by default), with others' codes in some slots.

        `avatar.latent("me", hair="hair/ada", nose=("nose/ben", 0.3))`: a category takes the code of a look of that
        category, or moves towards it by a weight; weights outside [0, 1] extrapolate. Spec section 13.

        Raises:
            UserError: no such category or look, a look of another category, or a weight that is no finite number.
        """
        return self.trained_looks.compose(self.trained_looks.latent(look), swaps)

    def sample(self, *categories: str, seed: int, number: int = 0) -> Latent:
        """The first look with random codes in some categories, from each one's learned mean and deviation.

        Spec section 13. The same seed and number give the same look.

        Raises:
            UserError: no such category, or one with fewer than two looks.
        """
        return self.trained_looks.sample(self.latent(), categories, seed=seed, number=number)

    @functools.cached_property
    def _first_look(self) -> BakedLook:
        return self.bake()

    def render(
        self,
        params: FlameParams,
        camera: Camera,
        *,
        latent: Mapping[str, jax.Array] | None = None,
        options: RenderOptions | None = None,
    ) -> Render:
        """Renders one frame; with leading axes and a batched camera, a clip. `latent` defaults to the first look.

        Without `options` it is rendered in all channels that the avatar has.
        """
        baked = self._first_look if latent is None else self.bake(latent)
        options = options or RenderOptions(channels=("rgb", *sorted(baked.channels - {"rgb"})))
        return baked.render(params, camera, options=options)
