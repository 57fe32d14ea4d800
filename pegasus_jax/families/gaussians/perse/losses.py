"""The training losses of PERSE, as pure functions; pictures are (B, H, W, 3) in [0, 1] over whatever background."""

import jax
import jax.numpy as jnp

from pegasus_jax.core import metrics
from pegasus_jax.families.free_points.flame_term import flame_regularisation
from pegasus_jax.families.free_points.head_space import HeadSpace
from pegasus_jax.families.gaussians.perse.networks import PerseNetworks

_BORDER = 5  # pixels: half of the window of SSIM, which looks at zeros beyond the picture


def dissimilarity(picture: jax.Array, target: jax.Array) -> jax.Array:
    """Returns 1 - SSIM, the mean over pictures and all their pixels."""
    around = ((0, 0), (_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0))
    return 1.0 - jnp.mean(jax.vmap(metrics.ssim)(jnp.pad(picture, around), jnp.pad(target, around)))


def flame_term(
    networks: PerseNetworks,
    space: HeadSpace,
    points_gc: jax.Array,
    z: jax.Array,
    nearest: jax.Array,
    expression_variance: jax.Array,
) -> jax.Array:
    """Returns how far weights and bases are from those of the nearest vertices; it trains MLP_d and moves no point.

    Args:
      networks: the avatar's.
      space: the head.
      points_gc: (N, 3).
      z: (Z,).
      nearest: (N,) int32: each point's vertex.
      expression_variance: (50,) of the training frames.
    """
    x, deformation = jax.lax.stop_gradient(points_gc), networks.deformation
    features, bases = deformation.features(x + deformation.offset_sc(x, z), z), deformation.bases()
    pose = jnp.einsum("nd,dkc->nkc", features, bases.pose[:-1]) + bases.pose[-1][None]
    expression = jnp.einsum("nd,dck->nck", features, bases.expression[:-1]) + bases.expression[-1][None]
    return flame_regularisation(
        jax.nn.softmax(deformation.skinning_logits(features), axis=-1) - space.lbs_weights[nearest],
        pose - jnp.moveaxis(jnp.asarray(space.head.posedirs)[:, nearest], 0, 1),
        expression - jnp.asarray(space.head.exprdirs)[nearest],
        expression_variance,
        jnp.ones(len(x), bool),
    )
