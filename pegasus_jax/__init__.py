"""PEGASUS-JAX: personalised generative 3D head avatars from phone videos.

The public names load on first use, so that importing the package costs nothing.
"""

import importlib
from typing import Any

_PUBLIC = {
    "Avatar": "pegasus_jax.core.avatar",
    "Camera": "pegasus_jax.core.camera",
    "FlameParams": "pegasus_jax.core.flame_params",
    "Look": "pegasus_jax.editing",
    "UserError": "pegasus_jax.errors",
    "fuse": "pegasus_jax.inference",
    "interpolate": "pegasus_jax.editing",
    "load": "pegasus_jax.inference",
    "load_head": "pegasus_jax.flame",
    "load_look": "pegasus_jax.inference",
    "read_dataset": "pegasus_jax.data",
    "save_look": "pegasus_jax.inference",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'pegasus_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
