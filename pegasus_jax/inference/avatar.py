"""An avatar to use: open it, choose a look, render it in any pose.

Heavy work happens once per look (`bake`): then a frame is skinning, shading and splatting.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from pegasus_jax import atomic
from pegasus_jax.data.camera import Camera
from pegasus_jax.editing.trained import Swap, TrainedLooks
from pegasus_jax.errors import UserError
from pegasus_jax.inference import checkpoint
from pegasus_jax.inference.description import AvatarDescription, read_description
from pegasus_jax.models import latents
from pegasus_jax.models.frame import render_frame, render_frames
from pegasus_jax.models.head_space import HeadSpace, head_space, nearest_vertices
from pegasus_jax.models.leaves import flat, unflat
from pegasus_jax.models.networks import AvatarNetworks, canonicalise, flame_canonical
from pegasus_jax.models.posing import CanonicalPoints
from pegasus_jax.models.render import Render, RenderOptions

ALL_CHANNELS = ("rgb", "normals", "albedo", "shading", "seg_logit")
_DESCRIPTION = "description"


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class BakedAvatar:
    """One look of an avatar with its canonical networks evaluated. N points."""

    networks: nnx.State
    space: HeadSpace
    points: CanonicalPoints
    z: jax.Array  # (Z,)
    betas: jax.Array  # (100,)
    radius: jax.Array  # () NDC
    graphdef: nnx.GraphDef = dataclasses.field(metadata={"static": True})
    max_points_per_pixel: int | None = dataclasses.field(metadata={"static": True})  # where options name none
    ndc_per_unit: float | None = dataclasses.field(metadata={"static": True})  # of the cameras it was trained with

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
def _render(baked: BakedAvatar, pose, expression, camera: Camera, betas, *, options: RenderOptions) -> Render:
    networks = nnx.merge(baked.graphdef, baked.networks)
    what = (networks, baked.space, baked.points, baked.z)
    common: dict[str, Any] = {"expression": expression, "pose": pose, "radius": baked.radius, "alive": None}
    if pose.ndim == 1:
        return render_frame(*what, betas=betas, camera=camera, options=options, **common)
    betas = jnp.broadcast_to(betas, (len(pose), betas.shape[-1]))
    return render_frames(*what, betas=betas, cameras=camera, options=options, **common)


class Avatar:
    """A trained avatar: networks, N canonical points, and the head model that moves them."""

    def __init__(
        self,
        description: AvatarDescription,
        networks: AvatarNetworks,
        points_gc: jax.Array,
        part: jax.Array,
        radius: jax.Array,
        *,
        v_template: ArrayLike | None = None,
    ):
        """`v_template` (V, 3) head units takes the place of the head model's, if a person's shape is baked into it."""
        self.description = description
        self.points_gc = points_gc
        self.part = part
        self.radius = radius
        self.v_template = v_template
        self.head = description.load_head()
        if v_template is not None:
            self.head = dataclasses.replace(self.head, v_template=np.asarray(v_template, np.float32))
        self.betas = jnp.asarray(description.betas, jnp.float32)
        self.space = head_space(self.head, jnp.asarray(description.canonical_expression, jnp.float32))
        self._graphdef, self._state = nnx.split(networks)

    @property
    def looks(self) -> tuple[str, ...]:
        """Names of the trained looks; the first is the person as filmed."""
        return self.description.looks

    @property
    def networks(self) -> AvatarNetworks:
        """The networks as a module."""
        return nnx.merge(self._graphdef, self._state)

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:
        """The trained looks with their codes."""
        return TrainedLooks(self.looks, self.networks.latents)

    @functools.cached_property
    def identity(self) -> str:
        """SHA-256 of networks and codes, as hex: an avatar's codes mean something to its own networks alone."""
        digest = hashlib.sha256()
        for name, leaf in sorted(flat(self._state).items()):
            digest.update(name.encode() + np.asarray(leaf).tobytes())
        return digest.hexdigest()

    def latent(self, look: str | None = None, **swaps: Swap) -> latents.Latent:
        """The latent of a trained look, by name (the person as filmed by default), with others' codes in some slots.

        `avatar.latent("me", hair="hair/ada", nose=("nose/ben", 0.3))`: a category takes the code of a look of that
        category, or moves towards it by a weight; weights outside [0, 1] extrapolate. Spec section 13.

        Raises:
            UserError: no such category or look, a look of another category, or a weight that is no finite number.
        """
        return self.trained_looks.compose(self.trained_looks.latent(look), swaps)

    def sample(self, *categories: str, seed: int, number: int = 0) -> latents.Latent:
        """The person as filmed with random codes in some categories, from each one's learned mean and deviation.

        Spec section 13. The same seed and number give the same look.

        Raises:
            UserError: no such category, or one with fewer than two looks.
        """
        return self.trained_looks.sample(self.latent(), categories, seed=seed, number=number)

    def bake(self, latent: Mapping[str, jax.Array] | None = None) -> BakedAvatar:
        """Evaluates the canonical networks once for a latent (the person as filmed by default)."""
        z = latents.flatten(dict(latent) if latent is not None else self.latent())
        points = _canonicalise(self._graphdef, self._state, self.space, self.points_gc, self.part, z)
        return BakedAvatar(
            self._state,
            self.space,
            points,
            z,
            self.betas,
            self.radius,
            self._graphdef,
            self.description.max_points_per_pixel,
            self.description.ndc_per_unit,
        )

    @functools.cached_property
    def _as_filmed(self) -> BakedAvatar:
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

        `latent` defaults to the person as filmed, `betas` (100,) to the person's own shape, `max_points_per_pixel` to
        what the avatar was trained with.
        """
        baked = self._as_filmed if latent is None else self.bake(latent)
        options = RenderOptions(channels=ALL_CHANNELS, max_points_per_pixel=max_points_per_pixel)
        return baked.render(pose, expression, camera, betas=betas, options=options)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""
        arrays: dict[str, Any] = {f"networks.{name}": leaf for name, leaf in flat(self._state).items()}
        arrays |= {"points": self.points_gc, "part": self.part, "radius": self.radius}
        if self.v_template is not None:
            arrays["v_template"] = self.v_template
        arrays[_DESCRIPTION] = np.frombuffer(json.dumps(self.description.to_json()).encode(), np.uint8)
        with atomic.file(path) as temporary:
            np.savez_compressed(temporary, **arrays)


@functools.partial(jax.jit, static_argnums=0)
def _canonicalise(graphdef, state, space: HeadSpace, points_gc, part, z) -> CanonicalPoints:
    networks = nnx.merge(graphdef, state)
    nearest = nearest_vertices(space, flame_canonical(networks, points_gc, z), part)
    return canonicalise(networks, space, points_gc, z, nearest, part, jacobian_gradient=False)


def load(path: str | os.PathLike) -> Avatar:
    """Opens a training work folder or an exported `.npz`.

    Raises:
        UserError: it is neither, is damaged, or its head model is gone.
    """
    path = pathlib.Path(path)
    v_template = None
    if path.is_dir():
        leaves = checkpoint.read_newest(path)
        description = read_description(path)
        networks = {
            name.removeprefix("params.networks."): leaf
            for name, leaf in leaves.items()
            if name.startswith("params.networks.")
        }
        alive = leaves["cloud.alive"]
        points, part, radius = leaves["params.points"][alive], leaves["cloud.part"][alive], leaves["cloud.radius"]
    elif path.suffix == ".npz" and path.is_file():
        stored = _read_npz(path)
        description = AvatarDescription.from_json(json.loads(bytes(stored[_DESCRIPTION])), where=str(path))
        prefix = "networks."
        networks = {name.removeprefix(prefix): stored[name] for name in stored if name.startswith(prefix)}
        points, part, radius = stored["points"], stored["part"], stored["radius"]
        v_template = stored.get("v_template")
    else:
        raise UserError(f"{path} is neither a work folder nor an avatar's .npz; give one of the two.")
    template = nnx.eval_shape(lambda: AvatarNetworks(description.networks, rngs=nnx.Rngs(0)))
    graphdef, state = nnx.split(template)
    state = jax.tree.map(jnp.asarray, unflat(state, networks, where=str(path)))
    arrays = (jnp.asarray(array) for array in (points, part, radius))
    return Avatar(description, nnx.merge(graphdef, state), *arrays, v_template=v_template)


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as stored:
            arrays = dict(stored)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}); export the avatar again.") from error
    if _DESCRIPTION not in arrays:
        raise UserError(f"{path} is not an avatar: it has no {_DESCRIPTION!r} entry.")
    return arrays
