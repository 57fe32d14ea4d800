"""Opening, baking and rendering avatars."""

from pegasus_jax.inference.avatar import Avatar as Avatar
from pegasus_jax.inference.avatar import BakedAvatar as BakedAvatar
from pegasus_jax.inference.avatar import load as load
from pegasus_jax.inference.clip import render_clip as render_clip
