"""A trained avatar to use: choose a look, render it in any pose.

Heavy work happens once per look (`bake`): then a frame is skinning, looking up and splatting.
"""

import dataclasses
import functools
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from pegasus_jax.core import latents
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.leaves import Leaf, checked, fingerprint_of, flat, unflat
from pegasus_jax.core.settings import described, shown
from pegasus_jax.data.frames import OWN_PART
from pegasus_jax.editing.trained import TrainedLooks
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import DESCRIPTION, AvatarDescription
from pegasus_jax.families.free_points.head_space import (
    ANY_PART,
    INNER_PARTS,
    HeadSpace,
    head_space,
    nearest_vertices,
)
from pegasus_jax.families.points import octahedral
from pegasus_jax.families.points.baked import SHADING_SIZE, BakedPointLook
from pegasus_jax.families.points.baked_points import bake_points
from pegasus_jax.families.points.frame import frame_points
from pegasus_jax.families.points.look import PointLook
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig, canonicalise, flame_canonical
from pegasus_jax.families.points.part_by_part import Worn, part_by_part
from pegasus_jax.families.points.point_corrections import corrected, near_codes
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.render import FramePoints
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.npz_file import array_json, json_array, write_npz

_NETWORKS = "networks."
_WIDEST, _DEEPEST = 8192, 64  # numbers and layers that networks of a file may have: the paper's have 512 and 9
_MAY_BE_NONE = ("code_size", "canonical_skip", "detail_octaves", "octaves")
_FARTHEST = 1e4  # head units
_LEAVES = {
    "points": Leaf(("N", 3), low=-_FARTHEST, high=_FARTHEST),
    "part": Leaf(("N",), "i", low=ANY_PART, high=len(INNER_PARTS)),
    "radius": Leaf((), low=1e-9, high=_FARTHEST),
}
_AT_A_LOOK = 0.999  # nearness of a code to a look's from which on they are one
_REPLACE_OWN = frozenset({OWN_PART, "hat"})  # worn where the person's own hair is
_ARRAYS = {"points": "points_gc", "part": "part", "radius": "radius"}  # names in files -> attributes, in order


@dataclasses.dataclass(frozen=True)
class PointDescription:
    """The family's part of an avatar's description."""

    networks: NetworkConfig
    max_points_per_pixel: int | None = None  # that it was trained with; None: exact
    ndc_per_unit: float | None = None  # of the training cameras; None: points are of one size at any distance

    @classmethod
    def of(cls, description: AvatarDescription, *, where: str = "The avatar's description") -> "PointDescription":
        """Reads it; `where` it stands is for sentences.

        Raises:
            UserError: it is damaged.
        """
        model = dict(description.model)
        if not isinstance(model.get("networks"), dict):
            raise UserError(f"{where} is damaged (it has no networks); train or export the avatar again.")
        model["networks"] = described(NetworkConfig, model["networks"], where=f"{where}: networks")
        found = described(cls, model, where=f"{where}: model")
        found._check(where, len(description.looks))
        return found

    def _check(self, where: str, num_looks: int) -> None:
        """What types do not say."""
        for name, size in vars(self.networks).items():
            low, high = (0 if name in _MAY_BE_NONE else 1), (_DEEPEST if name.endswith("_depth") else _WIDEST)
            if isinstance(size, int) and not isinstance(size, bool) and not low <= size <= high:
                raise UserError(f"{where}: networks: {name} must be {low} to {high}; it is {shown(size)}.")
        categories = self.networks.look_categories
        if not set(categories) <= set(latents.CATEGORIES) or num_looks != 1 + len(categories):
            raise UserError(
                f"{where}: {num_looks} looks need {num_looks - 1} categories, each one of "
                f"{', '.join(latents.CATEGORIES)}; they are {shown(categories)}."
            )
        for name, value in (("max_points_per_pixel", self.max_points_per_pixel), ("ndc_per_unit", self.ndc_per_unit)):
            if value is not None and not 0 < value <= _WIDEST:
                raise UserError(f"{where}: {name} must be above 0 and at most {_WIDEST}; it is {shown(value)}.")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CanonicalPointLook(PointLook):
    """One look with its canonical networks evaluated and all that they said of N points; frames go on by networks."""

    networks: nnx.State
    space: HeadSpace
    points: CanonicalPoints
    z: jax.Array  # (Z,)
    betas: jax.Array  # (100,)
    radius: jax.Array  # () NDC
    ndc_per_unit: jax.Array | None  # () of the cameras it was trained with; None: the radius holds for all
    graphdef: nnx.GraphDef = dataclasses.field(metadata={"static": True})
    max_points_per_pixel: int | None = dataclasses.field(metadata={"static": True})  # where options name none

    def frame_points(self, params: FlameParams) -> FramePoints:
        """The N points in one frame."""
        networks = nnx.merge(self.graphdef, self.networks)
        return frame_points(networks, self.space, self.points, self.z, params, radius=self.radius, alive=None)

    def bake(self, *, dtype: DTypeLike = "float32") -> BakedPointLook:
        """The same without networks: see `BakedPointLook`."""
        networks = nnx.merge(self.graphdef, self.networks)
        return BakedPointLook(
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


class TrainedPointAvatar(Avatar):
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

        `corrections` (1 + L, N, 4) are what frames of each look show beyond the networks: `point_corrections`.
        """
        self.description, self.model = description, PointDescription.of(description)
        self.points_gc = points_gc
        self.part = part
        self.radius = radius
        self.v_template = v_template
        self.corrections = corrections
        self.head = description.load_head()
        if v_template is not None:
            self.head = dataclasses.replace(self.head, v_template=_template(v_template, self.head))
        self.betas = jnp.asarray(description.betas, jnp.float32)
        self.space = jax.device_put(head_space(self.head, jnp.asarray(description.canonical_expression, jnp.float32)))
        self.expression_c = self.space.expression_c
        per_unit = self.model.ndc_per_unit
        self._per_unit = None if per_unit is None else jnp.float32(per_unit)
        self._graphdef, self._state = nnx.split(networks)

    @property
    def capabilities(self) -> frozenset[str]:
        """All that there is; looks, where it was trained on some."""
        return frozenset({"primitives", "program", "fuse", *(("looks",) if self.looks[1:] else ())})

    @property
    def size(self) -> str:
        """The number of points."""
        return f"{len(self.points_gc)} points"

    @property
    def networks(self) -> AvatarNetworks:
        """The networks as a module."""
        return nnx.merge(self._graphdef, self._state)

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:  # type: ignore[override]
        """The trained looks with their codes."""
        return TrainedLooks(self.description.looks, self.networks.latents)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of networks and codes, as hex: an avatar's codes mean something to its own networks alone."""
        return fingerprint_of(self._state)

    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> BakedPointLook:
        """Evaluates the networks once for a latent (the person as filmed by default): see `BakedPointLook`.

        With `dtype="float16"` it takes little more than half the memory.
        """
        return self.canonical(latent).bake(dtype=dtype)

    def canonical(self, latent: Mapping[str, jax.Array] | None = None) -> CanonicalPointLook:
        """Evaluates the canonical networks alone, once for a latent (the person as filmed by default).

        Points that come and go with looks (`presence`) follow the code of the part that they are in: `part_by_part`.
        """
        latent = dict(latent) if latent is not None else self.latent()
        points = self._part_by_part(latent) if self.model.networks.presence else self._points(latent)
        return CanonicalPointLook(
            self._state,
            self.space,
            points,
            latents.flatten(latent),
            self.betas,
            self.radius,
            self._per_unit,
            self._graphdef,
            self.model.max_points_per_pixel,
        )

    def _part_by_part(self, latent: latents.Latent) -> CanonicalPoints:
        """Every slot's code where its part is."""
        filmed, slots = self.latent(), dict.fromkeys(self.model.networks.look_categories)
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
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "TrainedPointAvatar":
        """The inverse of `arrays`.

        Raises:
            UserError: they are of another version or damaged, or the head model is gone.
        """
        description = AvatarDescription.from_json(array_json(arrays, DESCRIPTION, where=where), where=where)
        model = PointDescription.of(description, where=where)
        leaves = {name.removeprefix(_NETWORKS): arrays[name] for name in arrays if name.startswith(_NETWORKS)}
        template = nnx.eval_shape(lambda: AvatarNetworks(model.networks, rngs=nnx.Rngs(0)))
        graphdef, state = nnx.split(template)
        unflat(state, leaves, where=where)  # says which of them is unknown
        expected = {f"{_NETWORKS}{name}": Leaf(leaf.shape) for name, leaf in flat(state).items()} | _LEAVES
        if "corrections" in arrays:
            expected["corrections"] = Leaf((len(description.looks), "N", 4))
        found = checked(arrays, expected, where=where)
        leaves = {name: found[f"{_NETWORKS}{name}"] for name in leaves}
        networks = nnx.merge(graphdef, jax.tree.map(jnp.asarray, unflat(state, leaves, where=where)))
        points = (jnp.asarray(found[name]) for name in _ARRAYS)
        corrections = jnp.asarray(found["corrections"]) if "corrections" in found else None
        return cls(description, networks, *points, v_template=arrays.get("v_template"), corrections=corrections)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""
        write_npz(path, self.arrays())


def _template(v_template: ArrayLike, head: HeadModel) -> np.ndarray:
    leaf = Leaf(head.v_template.shape, low=-_FARTHEST, high=_FARTHEST)
    arrays = {"v_template": np.asarray(v_template)}
    return checked(arrays, {"v_template": leaf}, where=f"The avatar of the head {head.name}")["v_template"]


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
