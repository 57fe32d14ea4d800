"""What pictures of each look show of each point, colour and part, and networks that say so."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pegasus_jax.core import latents
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.inpainting import inpaint_from_neighbours
from pegasus_jax.core.model import TrainState
from pegasus_jax.core.observations import Observations, back_project
from pegasus_jax.core.render import Render, RenderOptions
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.videos import Videos
from pegasus_jax.families.free_points.head_space import HeadSpace, nearest_vertices
from pegasus_jax.families.points import losses
from pegasus_jax.families.points.clouds import Clouds
from pegasus_jax.families.points.fitting import fit
from pegasus_jax.families.points.frame import frame_points
from pegasus_jax.families.points.networks import AvatarNetworks, canonicalise, flame_canonical, opacities
from pegasus_jax.families.points.render import SHADING_GAIN, FramePoints, render_points

_ENOUGH = 1.0  # pixels' worth of a point that make its colour sure
_SEG, _EIKONAL = 0.1, 0.1  # weights beside the colour's
_FRAMES, _LAST_FRAMES = 24, 64  # that are looked at: where a look joins, and at the end
_CORRECTIONS = 2
_SURE, _LOGIT = 1e-3, 7.0  # shares and logits beyond which a point is sure to be of a part, or not
_HALF = 0.5  # opacity from which on a look has a point
_SHOWN = 0.2  # of a pixel: from there on a look's frames know a point's colour


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Seen:
    """Of N points under L looks."""

    albedo: jax.Array  # (L, N, 3) in [0, 1]
    part: jax.Array  # (L, N) in [0, 1]: share of what is seen of a point that is the look's part
    weight: jax.Array  # (L, N) in [0, 1]: 0 where nothing is seen of a point


def observe(
    clouds: Clouds,
    points: jax.Array,
    part: jax.Array,
    radius: jax.Array,
    videos: Videos,
    *,
    there: np.ndarray | None = None,
    frames: int = _FRAMES,
    corrections: int = 0,
) -> Seen:
    """What some `frames` of each look show of points (N, 3), drawn as the networks say.

    `part` (N,) is what each belongs to, `radius` () how large they are drawn (NDC). With `there` (L, N) points are
    drawn with the looks that it says. Means over all pixels that show a point blur; each of the `corrections` adds what
    the frames have more than pictures of points in the colours so far.
    """
    looks = []
    for look in range(len(videos.counts)):
        drawn = None if there is None else jnp.asarray(there[look], jnp.float32)
        sample = videos.sample(look, count=frames)
        observed = functools.partial(
            _observe, clouds.graphdef, clouds.networks, clouds.space, points, part, radius, drawn, look, sample
        )
        sums = observed(None)
        albedo = sums.base_colours()
        for _ in range(corrections):
            albedo = observed(albedo).corrected(albedo)
        looks.append(Seen(albedo=albedo, part=sums.share(), weight=jnp.minimum(sums.whole / _ENOUGH, 1.0)))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *looks)


def fit_appearance(clouds: Clouds, points: jax.Array, part: jax.Array, seen: Seen, *, seed: int) -> nnx.State:
    """The networks, with a canonical network that says of points (N, 3) under each look what was `seen` of them.

    `part` (N,) is what each belongs to. Inner points are left out: no look changes them, and few pixels at this age of
    the cloud show them, of whose colours a fit makes extremes that training does not leave again.
    """
    x_sc = _subject_canonical(clouds, points, len(seen.weight))

    def distance(merged: AvatarNetworks, look: jax.Array, rows: jax.Array) -> jax.Array:
        z = latents.flatten(merged.latents.latent(look))
        x, weight = x_sc[look, rows], jnp.where(part[rows] > 0, 0.0, seen.weight[look, rows])
        values = merged.canonical(x, z)
        colour = jnp.abs(values.albedo - seen.albedo[look, rows]).mean(axis=-1)
        belongs = optax.sigmoid_binary_cross_entropy(values.seg_logit, seen.part[look, rows])
        surface = losses.eikonal(merged.canonical.sdf_gradient(x, z), jnp.ones(len(x), bool))
        return jnp.mean(weight * (colour + _SEG * belongs) + values.sdf**2) + _EIKONAL * surface

    return fit(clouds.graphdef, clouds.networks, "canonical", distance, shape=seen.weight.shape, seed=seed)


def seen_beyond(graphdef: nnx.GraphDef, state: TrainState, space: HeadSpace, videos: Videos) -> np.ndarray:
    """What frames show of a run's N living points beyond the networks, for `point_corrections`: (L, N, 4).

    Albedo, then the segmentation's logit. What a look's frames do not show of a point is as filmed; what no frame of
    either shows, the back of a hat, is as what they show beside it, where networks guess.
    """
    clouds = Clouds(graphdef, state.params.networks, space)
    points, part = state.params.points[state.primitives.alive], state.primitives.part[state.primitives.alive]
    seen = observe(clouds, points, part, state.primitives.radius, videos, frames=_LAST_FRAMES, corrections=_CORRECTIONS)
    merged: AvatarNetworks = nnx.merge(graphdef, clouds.networks)
    x_sc = _subject_canonical(clouds, points, len(seen.weight))
    outer, is_shown = np.asarray(part) <= 0, np.asarray(seen.weight > _SHOWN)
    found: list[np.ndarray] = []
    for look, here in enumerate(is_shown):
        z, lenders = latents.flatten(merged.latents.latent(look)), outer & here
        values = merged.canonical(x_sc[look], z, part)
        said = _albedo_and_logit(values.albedo, jnp.clip(values.seg_logit, -_LOGIT, _LOGIT))
        share = jnp.clip(seen.part[look], _SURE, 1.0 - _SURE)
        told = _albedo_and_logit(seen.albedo[look], jax.scipy.special.logit(share))
        beyond = np.where(here[:, None], told - said, found[0] if look else 0.0)
        if lenders.any():
            is_there = np.asarray(opacities(merged, x_sc[look], z) > _HALF)
            unseen = outer & ~here & ~is_shown[0] & is_there
            x_fc = np.asarray(clouds.flame_canonical(points, look))
            beside = inpaint_from_neighbours(x_fc, told, unknown=unseen, known=lenders)
            beyond = np.where(unseen[:, None], beside - said, beyond)
        found.append(beyond.astype(np.float32))
    return np.stack(found)


def _albedo_and_logit(albedo: jax.Array, logit: jax.Array) -> np.ndarray:
    """(N, 4) of (N, 3) and (N,)."""
    return np.concatenate([albedo, logit[:, None]], axis=1)


def _subject_canonical(clouds: Clouds, points: jax.Array, looks: int) -> jax.Array:
    """x^sc (L, N, 3) of points (N, 3)."""
    return jnp.stack([clouds.subject_canonical(points, look) for look in range(looks)])


@functools.partial(jax.jit, static_argnums=0)
def _observe(
    graphdef: nnx.GraphDef,
    networks: nnx.State,
    space: HeadSpace,
    points: jax.Array,
    part: jax.Array,
    radius: jax.Array,
    drawn: jax.Array | None,
    look: jax.Array,
    frames: Batch,
    albedo: jax.Array | None,
) -> Observations:
    """What frames of one look show; with `albedo` (N, 3), what they have more than pictures of it."""
    merged: AvatarNetworks = nnx.merge(graphdef, networks)
    z = latents.flatten(merged.latents.latent(look))
    nearest = nearest_vertices(space, flame_canonical(merged, points, z), part)
    canonical = canonicalise(merged, space, points, z, nearest, part, jacobian_gradient=False)
    if drawn is not None:
        canonical = dataclasses.replace(canonical, opacity=drawn)

    def one(frame: Batch) -> Observations:
        moved = frame_points(merged, space, canonical, z, frame.params, radius=radius, alive=None)
        matte = frame.alpha()
        image, mask = (jnp.asarray(array, jnp.float32) / 255.0 for array in (frame.image, frame.seg))
        if albedo is not None:
            moved = dataclasses.replace(moved, albedo=albedo)
        draw = functools.partial(_blend, moved, frame.cameras)
        seen = {"image": image, "matte": matte, "mask": mask, "counts": matte}
        return back_project(draw, SHADING_GAIN * moved.shading, **seen, residual=albedo is not None)

    return jax.tree.map(lambda leaf: leaf.sum(axis=0), jax.lax.map(one, jax.tree.map(jnp.asarray, frames)))


def _blend(points: FramePoints, camera: Camera, extra: jax.Array) -> Render:
    return render_points(points, camera, options=RenderOptions(), extra=extra)
