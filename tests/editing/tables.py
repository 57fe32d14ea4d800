"""Trained looks without an avatar: five looks, two of them of categories that start alike."""

from flax import nnx

from pegasus_jax.core.latents import LatentTable
from pegasus_jax.editing import TrainedLooks

NAMES = ("me", "hair/ada", "hair/cleo", "nose/ben", "eyes/hair", "eyebrows/eyes")
CATEGORIES = ("hair", "hair", "nose", "eyes", "eyebrows")


def trained_looks() -> TrainedLooks:
    return TrainedLooks(NAMES, LatentTable(code_size=4, look_categories=CATEGORIES, rngs=nnx.Rngs(0)))
