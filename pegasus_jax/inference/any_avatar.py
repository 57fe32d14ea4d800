"""What every avatar can do, whether it was trained or fused of two: choose a look, bake it, render it in any pose."""

import abc
import dataclasses
import functools
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from pegasus_jax.core import latents
from pegasus_jax.core.camera import Camera
from pegasus_jax.editing.trained import Swap, TrainedLooks
from pegasus_jax.families.points.head_space import HeadSpace
from pegasus_jax.families.points.render import FramePoints, Render, RenderOptions, render_points
from pegasus_jax.inference.description import AvatarDescription

ALL_CHANNELS = ("rgb", "normals", "albedo", "shading", "seg_logit")


class AnyBaked(abc.ABC):
    """One look of an avatar, ready for any frame; a registered dataclass, so that it goes through `jit`."""

    betas: jax.Array  # (100,) the person's shape
    max_points_per_pixel: int | None  # where options name none
    ndc_per_unit: float | None  # of the cameras for which the points' radii hold

    @abc.abstractmethod
    def frame_points(self, pose: jax.Array, expression: jax.Array, betas: jax.Array) -> FramePoints:
        """The points of one frame: pose (15,), expression (50,), betas (100,)."""

    def render(
        self,
        pose: ArrayLike,
        expression: ArrayLike,
        camera: Camera,
        *,
        betas: jax.Array | None = None,
        options: RenderOptions = RenderOptions(channels=ALL_CHANNELS),
    ) -> Render:
        """One frame, or a clip: pose (*, 15), expression (*, 50), camera arrays with the same leading axis.

        Outside a trace it waits for the picture, and draws it again with more room if points did not fit.
        """
        betas = self.betas if betas is None else jnp.asarray(betas, jnp.float32)
        pose, expression = jnp.asarray(pose, jnp.float32), jnp.asarray(expression, jnp.float32)
        limit = options.max_points_per_pixel or self.max_points_per_pixel
        options = dataclasses.replace(options, max_points_per_pixel=limit, ndc_per_unit=self.ndc_per_unit)
        out = _render(self, pose, expression, camera, betas, options=options)
        while not isinstance(out.overflow, jax.core.Tracer) and np.any(out.overflow):
            options = options.roomier()
            out = _render(self, pose, expression, camera, betas, options=options)
        return out


@functools.partial(jax.jit, static_argnames="options")
def _render(baked: AnyBaked, pose, expression, camera: Camera, betas, *, options: RenderOptions) -> Render:
    def one(pose: jax.Array, expression: jax.Array, camera: Camera) -> Render:
        return render_points(baked.frame_points(pose, expression, betas), camera, options=options)

    return one(pose, expression, camera) if pose.ndim == 1 else jax.vmap(one)(pose, expression, camera)


class AnyAvatar(abc.ABC):
    """An avatar of one person, with looks that have names."""

    description: AvatarDescription
    betas: jax.Array  # (100,) the person's shape
    space: HeadSpace

    @property
    @abc.abstractmethod
    def trained_looks(self) -> TrainedLooks:
        """The looks with their codes."""

    @property
    @abc.abstractmethod
    def identity(self) -> str:
        """SHA-256 of all that the codes go through, as hex: they mean something to this avatar alone."""

    @abc.abstractmethod
    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> AnyBaked:
        """Does once for a latent (the first look's by default) all that does not depend on the frame.

        `dtype="float16"` halves the memory that it takes.
        """

    @abc.abstractmethod
    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""

    @property
    def looks(self) -> tuple[str, ...]:
        """Names of the looks; the first is the person as filmed, or as fused."""
        return self.trained_looks.names

    def latent(self, look: str | None = None, **swaps: Swap) -> latents.Latent:
        """The latent of a look, by name (the first by default), with others' codes in some slots.

        `avatar.latent("me", hair="hair/ada", nose=("nose/ben", 0.3))`: a category takes the code of a look of that
        category, or moves towards it by a weight; weights outside [0, 1] extrapolate. Spec section 13.

        Raises:
            UserError: no such category or look, a look of another category, or a weight that is no finite number.
        """
        return self.trained_looks.compose(self.trained_looks.latent(look), swaps)

    def sample(self, *categories: str, seed: int, number: int = 0) -> latents.Latent:
        """The first look with random codes in some categories, from each one's learned mean and deviation.

        Spec section 13. The same seed and number give the same look.

        Raises:
            UserError: no such category, or one with fewer than two looks.
        """
        return self.trained_looks.sample(self.latent(), categories, seed=seed, number=number)

    @functools.cached_property
    def _first_look(self) -> AnyBaked:
        return self.bake()

    def render(
        self,
        pose: ArrayLike,
        expression: ArrayLike,
        camera: Camera,
        *,
        latent: Mapping[str, jax.Array] | None = None,
        betas: jax.Array | None = None,
        max_points_per_pixel: int | None = None,
    ) -> Render:
        """Renders pose (15,) radians and expression (50,); with leading axes and a batched camera, a clip.

        `latent` defaults to the first look, `betas` (100,) to the person's own shape, `max_points_per_pixel` to what
        the avatar was trained with.
        """
        baked = self._first_look if latent is None else self.bake(latent)
        options = RenderOptions(channels=ALL_CHANNELS, max_points_per_pixel=max_points_per_pixel)
        return baked.render(pose, expression, camera, betas=betas, options=options)
