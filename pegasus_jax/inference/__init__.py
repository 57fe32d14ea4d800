"""Opening, baking and rendering avatars."""

from pegasus_jax.inference.avatar import Avatar as Avatar
from pegasus_jax.inference.avatar import BakedAvatar as BakedAvatar
from pegasus_jax.inference.avatar import load as load
from pegasus_jax.inference.clip import render_clip as render_clip
from pegasus_jax.inference.edit import render_edit as render_edit
from pegasus_jax.inference.look_file import load_look as load_look
from pegasus_jax.inference.look_file import save_look as save_look
