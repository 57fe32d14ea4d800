"""What each point's colour is beyond what the networks say of it: one correction for each trained look.

Networks of a few units blur what a picture shows. A correction belongs to a look's code: at the code it holds as it is,
between the codes of a category by the inverse square of the distance, and what looks of several categories change adds
up. Not in the papers.
"""

import jax
import jax.numpy as jnp

from pegasus_jax.models.latents import CATEGORIES, Latent, LatentTable

_AT_THE_CODE = 1e-6  # squared distance of codes below which they are one


def correction(colours: jax.Array, table: LatentTable, latent: Latent) -> jax.Array:
    """What to add to the albedo (N, 3) under a latent; colours (1 + L, N, 3) are as filmed and of L looks."""
    filmed, total = colours[0].astype(jnp.float32), colours[0].astype(jnp.float32)
    for category in dict.fromkeys(table.look_categories):
        rows = [row for row, name in enumerate(table.look_categories) if name == category]
        base = table.base[...][CATEGORIES.index(category)]
        codes = jnp.stack([base, *(table.looks[...][row] for row in rows)])
        nearness = 1.0 / (jnp.sum((codes - latent[category]) ** 2, axis=1) + _AT_THE_CODE)
        shares = nearness / jnp.sum(nearness)
        changes = jnp.stack([colours[1 + row] for row in rows]).astype(jnp.float32) - filmed
        total = total + jnp.einsum("l,lnc->nc", shares[1:], changes)
    return total
