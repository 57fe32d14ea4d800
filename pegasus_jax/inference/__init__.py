"""Opening, baking, rendering, editing and fusing avatars."""

from pegasus_jax.families.points.avatar import Avatar as Avatar
from pegasus_jax.families.points.avatar import CanonicalAvatar as CanonicalAvatar
from pegasus_jax.families.points.baked import BakedAvatar as BakedAvatar
from pegasus_jax.families.points.fused import FusedAvatar as FusedAvatar
from pegasus_jax.inference.any_avatar import AnyAvatar as AnyAvatar
from pegasus_jax.inference.any_avatar import AnyBaked as AnyBaked
from pegasus_jax.inference.clip import render_clip as render_clip
from pegasus_jax.inference.edit import render_edit as render_edit
from pegasus_jax.inference.fuse import fuse as fuse
from pegasus_jax.inference.fuse import fuse_files as fuse_files
from pegasus_jax.inference.load import load as load
from pegasus_jax.inference.look_file import load_look as load_look
from pegasus_jax.inference.look_file import save_look as save_look
