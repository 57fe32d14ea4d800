"""An avatar that was never trained: one person with parts of another. Spec section 12.

It holds both avatars whole. Baking a look selects points anew by the segmentation cue of that look's codes, so a part
that is interpolated keeps its outline; a frame poses the points of each avatar by its own networks, both under one
pose, expression and shape, and splats them together.

Neighbours are looked up in trees. A look takes the canonical points of both avatars in memory: by arithmetic 2.3 kB a
point with networks of the paper's size, 0.8 GB for 174,000 points each.
"""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from pegasus_jax.core import latents
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.latents import CATEGORIES
from pegasus_jax.core.settings import is_of_type
from pegasus_jax.data.frames import OWN_PART
from pegasus_jax.editing.trained import TrainedLooks
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import FUSION
from pegasus_jax.families.points.avatar import CanonicalPointLook, TrainedPointAvatar
from pegasus_jax.families.points.baked import BakedPointLook
from pegasus_jax.families.points.fusion import compose, fill
from pegasus_jax.families.points.fusion.align import probe_frames
from pegasus_jax.families.points.fusion.alignments import Alignments
from pegasus_jax.families.points.fusion.blend import Blending, blend, blending
from pegasus_jax.families.points.fusion.move import moved_points
from pegasus_jax.families.points.fusion.posable import positions
from pegasus_jax.families.points.look import PointLook
from pegasus_jax.families.points.mixed_points import mixed, weighted
from pegasus_jax.families.points.posing import CanonicalPoints
from pegasus_jax.families.points.render import FramePoints
from pegasus_jax.flame.hair_retargeting import retarget_hair
from pegasus_jax.npz_file import array_json, json_array, write_npz

_FORMAT = 1
_SOURCE, _TARGET, _ALIGNMENT = "source.", "target.", "alignment."


@dataclasses.dataclass(frozen=True)
class Steps:
    """Which steps follow the composition; all of them but in pictures that show what each does."""

    fill: bool = True
    align: bool = True
    blend: bool = True


COMPOSED = Steps(fill=False, align=False, blend=False)
_STEPS = {
    "composed": COMPOSED,
    "filled": Steps(align=False, blend=False),
    "aligned": Steps(blend=False),
    "blended": Steps(),
}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class FusedPointLook(PointLook):
    """One look of a fused avatar: M points of the target, then N of the source, a part of both alive."""

    target: BakedPointLook
    source: BakedPointLook  # moved into place
    kept: jax.Array  # (M,) bool
    taken: jax.Array  # (N,) bool: the attributes and the filler
    blending: Blending

    @property
    def betas(self) -> jax.Array:  # type: ignore[override]
        """(100,): the target's."""
        return self.target.betas

    @property
    def max_points_per_pixel(self) -> int | None:  # type: ignore[override]
        """The target's."""
        return self.target.max_points_per_pixel

    @property
    def ndc_per_unit(self) -> jax.Array | None:  # type: ignore[override]
        """Of the target's training cameras."""
        return self.target.ndc_per_unit

    def frame_points(self, params: FlameParams) -> FramePoints:
        """The M + N points in one frame."""
        target, source = (baked.frame_points(params) for baked in (self.target, self.source))
        source = blend(source, target, self.blending)
        source = dataclasses.replace(source, radius=source.radius * self.radius_ratio(), alive=self.taken)
        target = dataclasses.replace(target, alive=self.kept)
        return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), target, source)

    def radius_ratio(self) -> jax.Array | float:
        """From NDC of the source's training cameras to the target's; 1 where a radius holds for all cameras."""
        here, there = self.target.ndc_per_unit, self.source.ndc_per_unit
        return 1.0 if here is None or there is None else here / there


class FusedPointAvatar(Avatar):
    """The target with attributes of the source. Its codes are the source's."""

    fusing_steps = tuple(_STEPS)

    def __init__(self, source: TrainedPointAvatar, target: TrainedPointAvatar, alignments: Mapping[str, Alignments]):
        """`alignments`: one entry for each attribute, in order; where parts overlap, the first prevails."""
        self.source = source
        self.target = target
        self.alignments = dict(alignments)
        self.head, self.betas, self.space = target.head, target.betas, target.space
        self.expression_c = target.expression_c
        self.description = dataclasses.replace(target.description, looks=self.looks)
        self._target_bakes: dict[str, BakedPointLook] = {}  # by dtype: the same for all looks

    @property
    def capabilities(self) -> frozenset[str]:
        """It has primitives and looks; it cannot be fused again."""
        return frozenset({"primitives", "program", "looks"})

    @property
    def size(self) -> str:
        """What the two are made of."""
        return f"{self.source.size} and {self.target.size}"

    def as_filmed(self) -> BakedPointLook:
        """The target alone."""
        return self.target.bake()

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:  # type: ignore[override]
        """The source's looks of these attributes; the first is the target's name, and wears one of each."""
        return looks_of(self.source, self.target.looks[0], tuple(self.alignments))

    @functools.cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256 of both avatars' identities and the motions, as hex."""
        digest = hashlib.sha256((self.source.fingerprint + self.target.fingerprint).encode())
        for attribute, found in self.alignments.items():
            digest.update(attribute.encode() + found.motions.tobytes())
        return digest.hexdigest()

    def bake(
        self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32", steps: Steps = Steps()
    ) -> FusedPointLook:
        """Selects, moves and blends points once for a latent (one of each attribute by default).

        Raises:
            UserError: a segmentation cue selects nothing, or everything.
        """
        latent = self.latent() if latent is None else dict(latent)
        source, target = self.source.canonical(latent), self._target
        parts = self.parts(latent)
        closed, filler, hidden, removed = (
            np.any([getattr(part, name) for part in parts.values()], axis=0)
            for name in ("closed", "filler", "as_filmed", "removed")
        )
        as_filmed = hidden & ~closed
        both = mixed([source.points, self._source_as_filmed], weighted(np.stack([~as_filmed, as_filmed])))
        source = dataclasses.replace(source, points=both)
        for part in parts.values():
            source = dataclasses.replace(source, points=compose.purer(source.points, part))
        worn = closed if steps.fill else np.any([part.worn for part in parts.values()], axis=0)
        kept, filler = ~removed, filler & ~closed & steps.fill
        if steps.align:
            if OWN_PART in parts:
                source = dataclasses.replace(source, points=self._draped(source, parts[OWN_PART].closed))
            source = dataclasses.replace(source, points=self._moved(source, parts, latent))
        source_d, target_d = self._at_rest(source), self._at_rest(target)
        outer = ~np.asarray(target.points.inner)
        filler = fill.with_room(filler, source_d, target_d[kept & outer])
        lent = blending(filler & steps.blend, source_d, target_d, kept & outer)
        target_baked = self._target_baked(np.dtype(dtype).name)
        return FusedPointLook(
            target_baked, source.bake(dtype=dtype), jnp.asarray(kept), jnp.asarray(worn | filler), lent
        )

    def parts(self, latent: Mapping[str, jax.Array]) -> dict[str, compose.Part]:
        """For each attribute, which points come and go; no motion has a part in it.

        Raises:
            UserError: a segmentation cue selects nothing, or everything.
        """
        target, filmed = self._target.points, self._source_as_filmed
        own_hair = compose.told_points(filmed)
        parts = {}
        for attribute in self.alignments:
            # Under this one code: what the cue says under codes of several parts, no training has taught it.
            source = self.source.canonical({**self.source.latent(), attribute: latent[attribute]})
            worn, beside, clear = compose.worn_points(source.points, attribute)
            on_face = np.asarray(source.space.is_face)[np.asarray(source.points.nearest)]
            beside &= ~on_face  # which has no hidden side
            if attribute == OWN_PART:
                removed = compose.own_part_points(target, attribute) | compose.off_the_scalp(self.target.space, target)
            else:
                hair = compose.told_points(target)
                removed = compose.points_under(source.space, source.points, worn, target)
                removed |= compose.outside_of(source.space, source.points, worn, target, hair)
            lost = fill.lost_vertices(target, removed, self.head.num_vertices)
            free = ~(worn | beside)
            shown = fill.candidates(source.space, source.points, free, lost)
            hidden = fill.candidates(source.space, filmed, free & ~own_hair, lost) & ~shown
            parts[attribute] = compose.Part(worn, beside, clear, removed, shown | hidden, hidden)
        return parts

    def bake_step(self, latent: Mapping[str, jax.Array], step: str) -> FusedPointLook:
        """A look after one of the steps of fusing."""
        return self.bake(latent, steps=_STEPS[step])

    def alignment_report(self) -> dict[str, dict[str, tuple[float, float]]]:
        """By attribute and look that it was aligned for: d1 + d2 (squared head units) before and after."""
        return {name: self._distances(name, found) for name, found in self.alignments.items()}

    def _distances(self, attribute: str, found: Alignments) -> dict[str, tuple[float, float]]:
        looks = self.aligned_looks(attribute, per_look=len(found.codes) > 1)
        return {look: (float(before), float(after)) for look, before, after in zip(looks, found.before, found.after)}

    def aligned_looks(self, attribute: str, *, per_look: bool) -> list[str]:
        """Names of the looks that the attribute is aligned for."""
        trained = self.trained_looks
        names = [name for name, category in zip(trained.names[1:], trained.categories) if category == attribute]
        return names if per_look else names[:1]

    def save(self, path: str | os.PathLike) -> None:
        """Writes both avatars and the motions as one `.npz`, to be opened by `load`."""
        arrays = {FUSION: json_array({"format": _FORMAT, "attributes": list(self.alignments)})}
        for prefix, avatar in ((_SOURCE, self.source), (_TARGET, self.target)):
            arrays |= {f"{prefix}{name}": array for name, array in avatar.arrays().items()}
        for attribute, found in self.alignments.items():
            arrays |= {f"{_ALIGNMENT}{attribute}.{name}": array for name, array in vars(found).items()}
        write_npz(path, arrays)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "FusedPointAvatar":
        """Reads what `save` wrote.

        Raises:
            UserError: it is of another version, or the head model is gone.
        """
        content = array_json(arrays, FUSION, where=where)
        if content.get("format") != _FORMAT:
            raise UserError(f"{where} is not a fused avatar of format {_FORMAT}; fuse it again.")
        source, target = (
            TrainedPointAvatar.of_arrays(_below(arrays, prefix), where=where) for prefix in (_SOURCE, _TARGET)
        )
        attributes = content.get("attributes")
        if not is_of_type(attributes, tuple[str, ...]) or not attributes or not set(attributes) <= set(CATEGORIES):
            raise UserError(f"{where}: attributes must be some of {', '.join(CATEGORIES)}; fuse it again.")
        found = {
            attribute: Alignments.of_arrays(_below(arrays, f"{_ALIGNMENT}{attribute}."), where=f"{where}: {attribute}")
            for attribute in attributes
        }
        return cls(source, target, found)

    @functools.cached_property
    def _source_as_filmed(self) -> CanonicalPoints:
        return self.source.canonical().points

    @functools.cached_property
    def _target(self) -> CanonicalPointLook:
        return self.target.canonical()

    def _target_baked(self, dtype: str) -> BakedPointLook:
        if dtype not in self._target_bakes:
            self._target_bakes[dtype] = self._target.bake(dtype=dtype)
        return self._target_bakes[dtype]

    def _draped(self, source: CanonicalPointLook, worn: np.ndarray) -> CanonicalPoints:
        """The points, hair among them as it lies on the target's head."""
        points, own, other = source.points, self.source.betas, self.betas
        space, place, near = source.space, np.asarray(points.x_fc), np.asarray(points.nearest)
        offset = jnp.asarray(
            retarget_hair(space.head, np.asarray(space.vertices_fc), place, near, worn, own=own, other=other)
        )
        rest = dataclasses.replace(points.rest, positions_rest=points.rest.positions_rest + offset)
        return dataclasses.replace(points, rest=rest, x_fc=points.x_fc + offset)

    def _moved(
        self, source: CanonicalPointLook, parts: Mapping[str, compose.Part], latent: Mapping[str, jax.Array]
    ) -> CanonicalPoints:
        """Every point by the motion of the first attribute that it is worn or fills for."""
        motions = np.zeros((len(source.points.x_fc), 6), np.float32)
        for attribute, part in reversed(list(parts.items())):
            for mask in (part.filler, part.closed):
                motions[mask] = self.alignments[attribute].at(np.asarray(latent[attribute]))
        return moved_points(source.points, source.space, jnp.asarray(motions))

    def _at_rest(self, baked: CanonicalPointLook) -> np.ndarray:
        """Positions (N, 3) where blending looks for neighbours."""
        return np.asarray(positions(baked, probe_frames(self.source.space, self.space, self.betas).frames(slice(1)))[0])


def looks_of(source: TrainedPointAvatar, name: str, attributes: Sequence[str]) -> TrainedLooks:
    """The source's looks of some attributes, and its own hair as one of them; `name` wears the first of each.

    A segmentation cue tells the source's own hair, but not its own nose: of other attributes there are trained looks
    alone.
    """
    filmed, table = source.latent(), source.networks.latents
    rows = [(f"{OWN_PART}/{source.looks[0]}", OWN_PART)] if OWN_PART in attributes else []
    codes = [filmed[OWN_PART]] if rows else []
    for look, category in zip(source.looks[1:], table.look_categories):
        if category in attributes and look not in dict(rows):
            rows.append((look, category))
            codes.append(source.latent(look)[category])
    for (_, category), code in zip(reversed(rows), reversed(codes)):
        filmed[category] = code
    fused = latents.LatentTable(
        code_size=source.model.networks.code_size,
        look_categories=tuple(category for _, category in rows),
        rngs=nnx.Rngs(0),
    )
    fused.base[...] = jnp.stack([filmed[category] for category in latents.CATEGORIES])
    fused.looks[...] = jnp.stack(codes)
    return TrainedLooks((name, *(look for look, _ in rows)), fused)


def _below(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
