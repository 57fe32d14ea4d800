"""What frames show of each point beyond what the networks say of it: its albedo and its segmentation, for each look.

Networks of a few units blur what a picture shows. A correction belongs to a look's code: at the code it holds as it is,
between the codes of a category by the inverse square of the distance, and what looks of several categories change adds
up. Not in the papers.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core.latents import CATEGORIES, Latent, LatentTable
from pegasus_jax.families.points.posing import CanonicalPoints

_AT_THE_CODE = 1e-6  # squared distance of codes below which they are one


def corrected(points: CanonicalPoints, corrections: jax.Array, table: LatentTable, latent: Latent) -> CanonicalPoints:
    """The N points under a latent, with corrections (1 + L, N, 4) of the person as filmed and of L looks."""
    more = correction(corrections, table, latent)
    return dataclasses.replace(
        points,
        albedo=jnp.clip(points.albedo + more[:, :3], 0.0, 1.0),
        seg_logit=points.seg_logit + more[:, 3],
    )


def correction(corrections: jax.Array, table: LatentTable, latent: Latent) -> jax.Array:
    """What to add under a latent (N, 4): to the albedo, and to the segmentation's logit."""
    filmed = total = corrections[0].astype(jnp.float32)
    for category in dict.fromkeys(table.look_categories):
        rows = [row for row, name in enumerate(table.look_categories) if name == category]
        _, shares = near_codes(table, category, latent[category])
        changes = jnp.stack([corrections[1 + row] for row in rows]).astype(jnp.float32) - filmed[None]
        total = total + jnp.einsum("l,lnc->nc", shares[1:], changes)
    return total


def near_codes(table: LatentTable, category: str, code: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The learned codes (1 + L, K) of a category, that of the person as filmed first, and how near (1 + L,) `code` is.

    Nearness is the inverse square of the distance; its sum is 1.
    """
    rows = [row for row, name in enumerate(table.look_categories) if name == category]
    codes = jnp.stack([table.base[...][CATEGORIES.index(category)], *(table.looks[...][row] for row in rows)])
    nearness = 1.0 / (jnp.sum((codes - code[None]) ** 2, axis=1) + _AT_THE_CODE)
    return codes, nearness / jnp.sum(nearness)
