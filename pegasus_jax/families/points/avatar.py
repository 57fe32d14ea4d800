"""A trained avatar to use: choose a look, render it in any pose.

Heavy work happens once per look (`bake`): then a frame is skinning, looking up and splatting.
"""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from pegasus_jax.core import latents
from pegasus_jax.core.leaves import flat, unflat
from pegasus_jax.data.frames import OWN_PART
from pegasus_jax.editing.trained import TrainedLooks
from pegasus_jax.families.points import octahedral
from pegasus_jax.families.points.baked import SHADING_SIZE, BakedAvatar
from pegasus_jax.families.points.baked_points import bake_points
from pegasus_jax.families.points.frame import frame_points
from pegasus_jax.families.points.head_space import HeadSpace, head_space, nearest_vertices
from pegasus_jax.families.points.networks import AvatarNetworks, canonicalise, flame_canonical
from pegasus_jax.families.points.part_by_part import Worn, part_by_part
from pegasus_jax.families.points.point_corrections import corrected, near_codes
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.render import FramePoints
from pegasus_jax.inference.any_avatar import AnyAvatar, AnyBaked
from pegasus_jax.inference.description import AvatarDescription
from pegasus_jax.inference.npz_file import array_json, json_array, write_npz

DESCRIPTION = "description"
_NETWORKS = "networks."
_AT_A_LOOK = 0.999  # nearness of a code to a look's from which on they are one
_REPLACE_OWN = frozenset({OWN_PART, "hat"})  # worn where the person's own hair is
_ARRAYS = {"points": "points_gc", "part": "part", "radius": "radius"}  # names in files -> attributes, in order


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CanonicalAvatar(AnyBaked):
    """One look with its canonical networks evaluated and all that they said of N points; frames go on by networks."""

    networks: nnx.State
    space: HeadSpace
    points: CanonicalPoints
    z: jax.Array  # (Z,)
    betas: jax.Array  # (100,)
    radius: jax.Array  # () NDC
    graphdef: nnx.GraphDef = dataclasses.field(metadata={"static": True})
    max_points_per_pixel: int | None = dataclasses.field(metadata={"static": True})  # where options name none
    ndc_per_unit: float | None = dataclasses.field(metadata={"static": True})  # of the cameras it was trained with

    def frame_points(self, pose: jax.Array, expression: jax.Array, betas: jax.Array) -> FramePoints:
        """The N points in one frame."""
        networks = nnx.merge(self.graphdef, self.networks)
        drive: dict[str, Any] = {"betas": betas, "expression": expression, "pose": pose}
        return frame_points(networks, self.space, self.points, self.z, radius=self.radius, alive=None, **drive)

    def bake(self, *, dtype: DTypeLike = "float32") -> BakedAvatar:
        """The same without networks: see `BakedAvatar`."""
        networks = nnx.merge(self.graphdef, self.networks)
        return BakedAvatar(
            points=bake_points(self.points, networks.deformation.bases(), dtype=dtype),
            space=self.space,
            shading=_shading_table(self.graphdef, self.networks, self.z),
            z=self.z,
            betas=self.betas,
            radius=self.radius,
            head_prior=networks.config.head_prior,
            max_points_per_pixel=self.max_points_per_pixel,
            ndc_per_unit=self.ndc_per_unit,
        )


class Avatar(AnyAvatar):
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
        corrections: jax.Array | None = None,
    ):
        """`v_template` (V, 3) head units takes the place of the head model's, if a person's shape is baked into it.

        `corrections` (1 + L, N, 4) are what frames of each look show beyond the networks: `models.point_corrections`.
        """
        self.description = description
        self.points_gc = points_gc
        self.part = part
        self.radius = radius
        self.v_template = v_template
        self.corrections = corrections
        self.head = description.load_head()
        if v_template is not None:
            self.head = dataclasses.replace(self.head, v_template=np.asarray(v_template, np.float32))
        self.betas = jnp.asarray(description.betas, jnp.float32)
        self.space = jax.device_put(head_space(self.head, jnp.asarray(description.canonical_expression, jnp.float32)))
        self._graphdef, self._state = nnx.split(networks)

    @property
    def networks(self) -> AvatarNetworks:
        """The networks as a module."""
        return nnx.merge(self._graphdef, self._state)

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:
        """The trained looks with their codes."""
        return TrainedLooks(self.description.looks, self.networks.latents)

    @functools.cached_property
    def identity(self) -> str:
        """SHA-256 of networks and codes, as hex: an avatar's codes mean something to its own networks alone."""
        digest = hashlib.sha256()
        for name, leaf in sorted(flat(self._state).items()):
            digest.update(name.encode() + np.asarray(leaf).tobytes())
        return digest.hexdigest()

    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> BakedAvatar:
        """Evaluates the networks once for a latent (the person as filmed by default): see `BakedAvatar`.

        With `dtype="float16"` it takes little more than half the memory.
        """
        return self.canonical(latent).bake(dtype=dtype)

    def canonical(self, latent: Mapping[str, jax.Array] | None = None) -> CanonicalAvatar:
        """Evaluates the canonical networks alone, once for a latent (the person as filmed by default).

        Points that come and go with looks (`presence`) follow the code of the part that they are in: `part_by_part`.
        """
        latent = dict(latent) if latent is not None else self.latent()
        points = self._part_by_part(latent) if self.description.networks.presence else self._points(latent)
        return CanonicalAvatar(
            self._state,
            self.space,
            points,
            latents.flatten(latent),
            self.betas,
            self.radius,
            self._graphdef,
            self.description.max_points_per_pixel,
            self.description.ndc_per_unit,
        )

    def _part_by_part(self, latent: latents.Latent) -> CanonicalPoints:
        """Every slot's code where its part is."""
        filmed, slots = self.latent(), dict.fromkeys(self.description.networks.look_categories)
        changed = [slot for slot in slots if not np.array_equal(latent[slot], filmed[slot])]
        others = {**latent, **{slot: filmed[slot] for slot in changed}}
        as_filmed, worn = self._points(others), {}
        for slot in changed:
            points = self._points({**others, slot: latent[slot]})
            codes, nearness = (np.asarray(found) for found in near_codes(self.networks.latents, slot, latent[slot]))
            looks = [points]
            if nearness.max() < _AT_A_LOOK:
                looks = [as_filmed, *(self._points({**others, slot: jnp.asarray(code)}) for code in codes[1:])]
            worn[slot] = Worn(points, looks, nearness if looks[1:] else np.ones(1), slot in _REPLACE_OWN)
        return part_by_part(as_filmed, worn)

    def _points(self, latent: latents.Latent) -> CanonicalPoints:
        """What the networks say under a latent as it is, and what frames showed beyond them."""
        z = latents.flatten(latent)
        points = _canonicalise(self._graphdef, self._state, self.space, self.points_gc, self.part, z)
        if self.corrections is None:
            return points
        return corrected(points, self.corrections, self.networks.latents, latent)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, the description among them: what `of_arrays` takes."""
        arrays = {f"{_NETWORKS}{name}": np.asarray(leaf) for name, leaf in flat(self._state).items()}
        arrays |= {name: np.asarray(getattr(self, attribute)) for name, attribute in _ARRAYS.items()}
        if self.v_template is not None:
            arrays["v_template"] = np.asarray(self.v_template, np.float32)
        if self.corrections is not None:
            arrays["corrections"] = np.asarray(self.corrections)
        return arrays | {DESCRIPTION: json_array(self.description.to_json())}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "Avatar":
        """The inverse of `arrays`.

        Raises:
            UserError: they are of another version or damaged, or the head model is gone.
        """
        description = AvatarDescription.from_json(array_json(arrays[DESCRIPTION]), where=where)
        leaves = {name.removeprefix(_NETWORKS): arrays[name] for name in arrays if name.startswith(_NETWORKS)}
        template = nnx.eval_shape(lambda: AvatarNetworks(description.networks, rngs=nnx.Rngs(0)))
        graphdef, state = nnx.split(template)
        state = jax.tree.map(jnp.asarray, unflat(state, leaves, where=where))
        points = (jnp.asarray(arrays[name]) for name in _ARRAYS)
        corrections = jnp.asarray(arrays["corrections"]) if "corrections" in arrays else None
        networks = nnx.merge(graphdef, state)
        return cls(description, networks, *points, v_template=arrays.get("v_template"), corrections=corrections)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""
        write_npz(path, self.arrays())


@functools.partial(jax.jit, static_argnums=0)
def _canonicalise(graphdef, state, space: HeadSpace, points_gc, part, z) -> CanonicalPoints:
    networks = nnx.merge(graphdef, state)
    nearest = nearest_vertices(space, flame_canonical(networks, points_gc, z), part)
    return canonicalise(networks, space, points_gc, z, nearest, part, jacobian_gradient=False)


@functools.partial(jax.jit, static_argnums=0)
def _shading_table(graphdef, state, z) -> jax.Array:
    normals = octahedral.directions(SHADING_SIZE)
    shading = nnx.merge(graphdef, state).shading(normals.reshape(-1, 3), z)
    return shading.reshape(SHADING_SIZE, SHADING_SIZE, 3)
