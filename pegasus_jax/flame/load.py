"""One door for the three kinds of head: FLAME's `.pkl`, an open head as `.npz`, and the built-in one."""

import os
from collections.abc import Callable

from pegasus_jax import assets, paths
from pegasus_jax.errors import UserError
from pegasus_jax.flame.builtin import builtin_head
from pegasus_jax.flame.flame_reader import read_flame_pickle
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.flame.npz_reader import read_npz
from pegasus_jax.untrusted import files

# The licence of FLAME asks each user to fetch it; an open head needs no such step but is second in realism.
_ASSET_NAMES = ("flame2023_Open.pkl", "flame2023.pkl", "generic_model.pkl", "ict_head.npz")
_READERS: dict[str, Callable[..., HeadModel]] = {".pkl": read_flame_pickle, ".npz": read_npz}


def load_head(path: str | os.PathLike[str] | None = None) -> HeadModel:
    """The head at `path`; without one: $FLAME_PATH, then the user's assets, then the built-in head.

    Raises:
      UserError: no such file, a file of another kind, or a damaged one.
    """
    if path is None:
        path = paths.named_by("FLAME_PATH")
    if path is None:
        path = next((found for name in _ASSET_NAMES if (found := assets.find(name))), None)
    if path is None:
        return builtin_head()
    file = paths.expanded(path)
    if not file.is_file():
        raise UserError(f"there is no head model at {file}; give a FLAME .pkl or an .npz in the same layout.")
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise UserError(f"{file} is no head model: its name must end in .pkl (FLAME) or .npz (an open head).")
    return reader(file, sha256=files.sha256(file))
