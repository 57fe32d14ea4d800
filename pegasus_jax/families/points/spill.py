"""Keeps a look's code to its part, and the part to its code. Not in the papers, which have 39 videos to average it out.

Training pictures show one look at a time: nothing ties the cheeks of a person under one hairstyle to those under
another but two fits that happen to agree, and under codes in between, or of several looks at once, not even that.
"""

import jax
import jax.numpy as jnp

from pegasus_jax.core import latents
from pegasus_jax.families.free_points.skinning import normalize
from pegasus_jax.families.points.networks import AvatarNetworks, opacities

_UNIT = 0.1  # head units: a move of this size counts as much as black turned white


def spill(
    networks: AvatarNetworks,
    points_gc: jax.Array,
    part: jax.Array,
    alive: jax.Array,
    look: jax.Array,
    key: jax.Array,
) -> jax.Array:
    """Mean absolute change of points (N, 3), of parts (N,), and of light that a code drawn for one slot brings about.

    The slot is one that some look wears; its code comes from N(mean, std²) of the slot's learned codes, the base one
    included. Points count as far as neither code's look, worn alone, has them for its part (segmentation cue). The part
    itself is to be what it is worn alone, whatever `look` wears besides: its points count by how they change as the
    rest of that look's codes gives way to the base ones, but for what is that look's own part and may hide it. Only
    networks learn from it: the codes must not come to agree. An avatar of one look has nothing to spill.
    """
    if not networks.latents.look_categories:
        return jnp.float32(0.0)
    slot_key, code_key, normal_key = jax.random.split(key, 3)
    table = jax.lax.stop_gradient(_codes(networks.latents))
    slots = networks.latents.slots()
    slot = jax.random.choice(slot_key, slots[1:])
    base, mine = table[0], table[look]
    drawn = _draw(table[:, slot], (slots == slot) | (slots == -1), code_key)
    x = jax.lax.stop_gradient(points_gc)

    def fields(code: jax.Array, codes: jax.Array):
        z = _flat(codes.at[slot].set(code))
        x_sc = x + networks.deformation.offset_sc(x, z)
        values = networks.canonical(x_sc, z, part)
        x_fc = x_sc + networks.deformation.offset_fc(networks.deformation.features(x_sc, z))
        opacity = opacities(networks, x_sc, z)
        light = networks.shading(normalize(jax.random.normal(normal_key, x.shape)), z)
        return jnp.concatenate([x_fc / _UNIT, values.albedo, opacity[:, None]], axis=1), values.seg_logit, light

    def mean(weight: jax.Array, change: jax.Array) -> jax.Array:
        counted = jnp.where(alive, weight, 0.0) * jnp.abs(change).sum(axis=1)
        return jnp.sum(counted) / jnp.maximum(jnp.sum(alive), 1)

    both = jnp.stack([mine[slot], drawn])
    beside, look_logit, light = jax.vmap(fields, in_axes=(0, None))(both, mine)
    alone, part_logit, _ = jax.vmap(fields, in_axes=(0, None))(both, base)
    of_look, of_slot = (jax.lax.stop_gradient(jax.nn.sigmoid(logit)) for logit in (look_logit[0], part_logit))
    elsewhere = mean(1.0 - of_slot.max(axis=0), beside[0] - beside[1])
    itself = mean(of_slot[1] * (1.0 - of_look), beside[1] - alone[1])
    return elsewhere + itself + jnp.abs(light[0] - light[1]).mean()


def _codes(table: latents.LatentTable) -> jax.Array:
    """(1 + L, S, K): the codes of every look."""
    every = [table.latent(look) for look in range(1 + len(table.look_categories))]
    return jnp.stack([jnp.stack([latent[name] for name in latents.CATEGORIES]) for latent in every])


def _flat(codes: jax.Array) -> jax.Array:
    return latents.flatten(dict(zip(latents.CATEGORIES, codes)))


def _draw(codes: jax.Array, member: jax.Array, key: jax.Array) -> jax.Array:
    """A code (K,) from N(mean, std²) of those of codes (1 + L, K) that are members (1 + L,)."""
    count = jnp.sum(member)
    mean = jnp.sum(jnp.where(member[:, None], codes, 0.0), axis=0) / count
    variance = jnp.sum(jnp.where(member[:, None], (codes - mean[None]) ** 2, 0.0), axis=0) / count
    return mean + jnp.sqrt(variance) * jax.random.normal(key, mean.shape)
