"""The training losses of spec section 7, as pure functions of pictures and points.

Pictures are (*, H, W, C) in [0, 1] over white. Point terms take `alive` (N,) and average over living points only.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core import metrics
from pegasus_jax.families.free_points.flame_term import masked_mean
from pegasus_jax.families.free_points.head_space import MOUTH_INTERIOR
from pegasus_jax.families.points.render import SHADING_GAIN

EIKONAL_REACH = 0.25  # head units: off-surface points lie within this of their point
LEASH_UNIT = 0.01  # head units
_SURFACE_SLACK = 0.002  # head units: half a millimetre


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Surface:
    """The head's surface near N points: what each one's nearest vertex says."""

    vertices: jax.Array  # (N, 3) head units
    normals: jax.Array  # (N, 3), unit length
    reach: jax.Array  # (N,) how far from the vertex a point may be along the surface
    height: jax.Array  # (N,) how far above it
    depth: jax.Array  # (N,) how far below it


def weighted_l1(prediction: jax.Array, target: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean over pixels and channels of weight |prediction - target|; `weight` (*, H, W), each frame's mean divided out.

    A frame's loss is its own, whatever batch or device it is in.
    """
    error = jnp.abs(prediction - target).mean(axis=-1)
    return jnp.mean(jnp.sum(weight * error, axis=(-2, -1)) / jnp.sum(weight, axis=(-2, -1)))


def mask_l1(alpha: jax.Array, matte: jax.Array) -> jax.Array:
    """L_mask: mean |M - M_gt|; the same for the mask of what shows of the inside."""
    return jnp.mean(jnp.abs(alpha - matte))


def missing(alpha: jax.Array, matte: jax.Array) -> jax.Array:
    """Mean of what alpha (B, H, W) lacks of the matte (B, H, W)."""
    return jnp.mean(jax.nn.relu(matte - alpha))


def structural(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """(1 - SSIM) / 2 over pictures (B, H, W, C): the weight-free stand-in for L_vgg."""
    return 0.5 * (1.0 - jnp.mean(jax.vmap(metrics.ssim)(prediction, target)))


def segmentation_bce(logits: jax.Array, target: jax.Array) -> jax.Array:
    """L_seg: binary cross-entropy of blended logits (*, H, W) against an attribute mask in [0, 1]."""
    return jnp.mean(jax.nn.softplus(logits) - logits * target)


def normal_l1(rendered: jax.Array, target: jax.Array, matte: jax.Array, has_normal: jax.Array) -> jax.Array:
    """L_normal: mean |M n + (1 - M) - (M n* + (1 - M))| of normal pictures (B, H, W, 3) under mattes M (B, H, W).

    The published loss has two terms: outside the new part m against the target's own avatar, A = mean M (1 - m)
    |n - n_target|, and inside it against the donor's, B = mean M m |n - n_donor|. For the one picture
    n* = (1 - m) n_target + m n_donor, M |n - n*| is their sum wherever m is 0 or 1, as one of the two is nothing there.
    On the soft rim it is at most the sum, and zero at the mixture. White outside M cancels. Frames without such a
    picture (`has_normal` (B,) False) add nothing.
    """
    error = jnp.mean(matte[..., None] * jnp.abs(rendered - target), axis=(1, 2, 3))
    return jnp.mean(jnp.where(has_normal, error, 0.0))


def sdf_consistency(sdf: jax.Array, alive: jax.Array) -> jax.Array:
    """L_sdf: points lie on the zero level set."""
    return masked_mean(sdf**2, alive)


def eikonal(gradients: jax.Array, alive: jax.Array) -> jax.Array:
    """L_eik: mean (|grad sdf| - 1)^2 for gradients (N, 3)."""
    square = jnp.sum(gradients**2, axis=-1)
    length = jnp.sqrt(jnp.where(square > 1e-12, square, 1.0))
    return masked_mean(jnp.where(square > 1e-12, (length - 1.0) ** 2, 1.0), alive)


def leash(x_fc: jax.Array, surface: Surface, part: jax.Array, alive: jax.Array) -> jax.Array:
    """Keeps points x_fc (N, 3) where the head has a surface, given by the nearest vertex of each.

    No point sinks below the skin farther than it may, or off a part, points of the face stay near it, and none leaves
    the rim of lips and lids for the opening. Training pictures hide all this until a mouth opens wider or the head
    turns farther. Squared excess in units of LEASH_UNIT, over points with a `part` (N,).
    """
    offset = x_fc - surface.vertices
    height = jnp.sum(offset * surface.normals, axis=-1)
    across = jnp.sum((offset - height[:, None] * surface.normals) ** 2, axis=-1)
    astray = across > surface.reach**2
    sideways = jnp.sqrt(jnp.where(astray, across, 1.0)) - jnp.where(astray, surface.reach, 0.0)
    upwards = jax.nn.relu(height - surface.height)
    downwards = jax.nn.relu(-height - surface.depth - _SURFACE_SLACK)
    square = upwards**2 + downwards**2 + jnp.where(astray, sideways, 0.0) ** 2
    return masked_mean(square, alive & (part >= 0)) / LEASH_UNIT**2


def coloured_light(shading: jax.Array) -> jax.Array:
    """How far the mean of shading (N, 3) over all normals is from what leaves a colour as it is; squared, summed.

    Pictures show the product with the albedo alone. On brown skin the light would turn brown, and as no albedo exceeds
    1, a white hat pink.
    """
    return jnp.sum((jnp.mean(shading, axis=0) - 1.0 / SHADING_GAIN) ** 2)


def unseen_dark(albedo: jax.Array, part: jax.Array, alive: jax.Array) -> jax.Array:
    """The inside of the mouth is dark where no picture says otherwise: mean square of its albedo (N, 3)."""
    return masked_mean(jnp.mean(albedo**2, axis=1), alive & (part == MOUTH_INTERIOR))


def latent_prior(z: jax.Array) -> jax.Array:
    """L_z: mean square of the conditioning vector, constant one-hots included, as published."""
    return jnp.mean(z**2)
