"""A realistic head that anyone may use, built on the user's machine from ICT-FaceKit's light model (MIT licence)."""

from pegasus_jax.flame.ict.install import HEAD_FILE as HEAD_FILE
from pegasus_jax.flame.ict.install import build_head as build_head
