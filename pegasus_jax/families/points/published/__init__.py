"""Avatars that others have trained: published PyTorch checkpoints become avatars like any other."""

from pegasus_jax.families.points.published.importing import import_avatar as import_avatar
