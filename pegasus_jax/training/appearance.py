"""What pictures of each look show of each point: its colour, and whether it is the look's part; networks that say so.

A blended picture is linear in what points carry, and its gradient sums a picture up by compositing weight: the mean of
the pixels that show a point needs nothing but the rasteriser.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pegasus_jax.data.frames import Batch
from pegasus_jax.models import latents
from pegasus_jax.models.frame import frame_points
from pegasus_jax.models.head_space import HeadSpace, nearest_vertices
from pegasus_jax.models.networks import AvatarNetworks, canonicalise, flame_canonical
from pegasus_jax.models.render import SHADING_GAIN, RenderOptions, render_points
from pegasus_jax.training import losses
from pegasus_jax.training.clouds import Clouds
from pegasus_jax.training.fitting import fit
from pegasus_jax.training.videos import Videos

_ENOUGH = 1.0  # pixels' worth of a point that make its colour sure
_OPTIONS = RenderOptions(channels=("rgb", "albedo", "seg_logit"))
_SEG, _EIKONAL = 0.1, 0.1  # weights beside the colour's


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Seen:
    """Of N points under L looks."""

    albedo: jax.Array  # (L, N, 3) in [0, 1]
    part: jax.Array  # (L, N) in [0, 1]: share of what is seen of a point that is the look's part
    weight: jax.Array  # (L, N) in [0, 1]: 0 where nothing is seen of a point


def observe(
    clouds: Clouds, points: jax.Array, part: jax.Array, radius: jax.Array, there: np.ndarray, videos: Videos
) -> Seen:
    """What a run's frames show of points (N, 3), of which those that are `there` (L, N) under a look are drawn with it.

    `part` (N,) is what each belongs to, `radius` () how large they are drawn (NDC).
    """
    looks = []
    for look in range(len(there)):
        drawn, frames = jnp.asarray(there[look], jnp.float32), videos.sample(look)
        looks.append(
            _observe(clouds.graphdef, clouds.networks, clouds.space, points, part, radius, drawn, look, frames)
        )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *looks)


def fit_appearance(clouds: Clouds, points: jax.Array, part: jax.Array, seen: Seen, *, seed: int) -> nnx.State:
    """The networks, with a canonical network that says of points (N, 3) under each look what was `seen` of them.

    `part` (N,) is what each belongs to. Inner points are left out: no look changes them, and few pixels at this age of
    the cloud show them, of whose colours a fit makes extremes that training does not leave again.
    """
    x_sc = jnp.stack([clouds.subject_canonical(points, look) for look in range(len(seen.weight))])

    def distance(merged: AvatarNetworks, look: jax.Array, rows: jax.Array) -> jax.Array:
        z = latents.flatten(merged.latents.latent(look))
        x, weight = x_sc[look, rows], jnp.where(part[rows] > 0, 0.0, seen.weight[look, rows])
        values = merged.canonical(x, z)
        colour = jnp.abs(values.albedo - seen.albedo[look, rows]).mean(axis=-1)
        belongs = optax.sigmoid_binary_cross_entropy(values.seg_logit, seen.part[look, rows])
        surface = losses.eikonal(merged.canonical.sdf_gradient(x, z), jnp.ones(len(x), bool))
        return jnp.mean(weight * (colour + _SEG * belongs) + values.sdf**2) + _EIKONAL * surface

    return fit(clouds.graphdef, clouds.networks, "canonical", distance, shape=seen.weight.shape, seed=seed)


@functools.partial(jax.jit, static_argnums=0)
def _observe(
    graphdef: nnx.GraphDef,
    networks: nnx.State,
    space: HeadSpace,
    points: jax.Array,
    part: jax.Array,
    radius: jax.Array,
    drawn: jax.Array,
    look: jax.Array,
    frames: Batch,
) -> Seen:
    """`Seen` of one look, without its leading axis."""
    merged: AvatarNetworks = nnx.merge(graphdef, networks)
    z = latents.flatten(merged.latents.latent(look))
    nearest = nearest_vertices(space, flame_canonical(merged, points, z), part)
    canonical = canonicalise(merged, space, points, z, nearest, part, jacobian_gradient=False)
    canonical = dataclasses.replace(canonical, opacity=drawn)

    def one(frame: Batch) -> tuple[jax.Array, ...]:
        motion = {"betas": frame.betas, "expression": frame.expression, "pose": frame.pose}
        moved = frame_points(merged, space, canonical, z, **motion, radius=radius, alive=None)

        def pictures(albedo: jax.Array, seg_logit: jax.Array):
            carrying = dataclasses.replace(moved, albedo=albedo, seg_logit=seg_logit)
            render = render_points(carrying, frame.cameras, options=_OPTIONS)
            return render.albedo, render.seg_logit

        _, pull = jax.vjp(pictures, moved.albedo, moved.seg_logit)
        matte = frame.alpha()
        mask = jnp.asarray(frame.seg, jnp.float32) / 255.0
        colour, belongs = pull((matte[..., None] * jnp.asarray(frame.image, jnp.float32) / 255.0, matte * mask))
        _, whole = pull((jnp.zeros((*matte.shape, 3)), matte))
        return colour, SHADING_GAIN * moved.shading * whole[:, None], belongs, whole

    colour, light, belongs, whole = (sums.sum(axis=0) for sums in jax.lax.map(one, jax.tree.map(jnp.asarray, frames)))
    return Seen(
        albedo=jnp.clip(colour / jnp.maximum(light, 1e-6), 0.0, 1.0),
        part=jnp.clip(belongs / jnp.maximum(whole, 1e-6), 0.0, 1.0),
        weight=jnp.minimum(whole / _ENOUGH, 1.0),
    )
