"""FLAME-layout head models: loading, skinning, landmarks, regions, and a head made by our own code."""

from pegasus_jax.flame.builtin import builtin_head as builtin_head
from pegasus_jax.flame.load import load_head as load_head
