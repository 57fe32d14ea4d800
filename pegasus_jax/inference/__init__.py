"""Opening, rendering, editing, fusing and exporting avatars."""

from pegasus_jax.inference.clip import render_clip as render_clip
from pegasus_jax.inference.edit import render_edit as render_edit
from pegasus_jax.inference.fuse import fuse as fuse
from pegasus_jax.inference.fuse import fuse_files as fuse_files
from pegasus_jax.inference.load import load as load
from pegasus_jax.inference.look_file import load_look as load_look
from pegasus_jax.inference.look_file import save_look as save_look
