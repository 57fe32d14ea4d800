"""The families of avatars: what differs between points, Gaussians and tri-planes lives in one of them.

Nothing outside imports a family: `find` opens it by its name, which `avatar.json` and configs say, on first use. How to
add one: docs/architecture.md.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pegasus_jax.errors import UserError

if TYPE_CHECKING:
    import pathlib

    import numpy as np

    from pegasus_jax.core.avatar import Avatar, BakedLook
    from pegasus_jax.core.model import AvatarModel
    from pegasus_jax.families.quantised import Quantised

_MODULES = {
    "gaussians": "pegasus_jax.families.gaussians.family",
    "perse": "pegasus_jax.families.gaussians.perse.family",
    "points": "pegasus_jax.families.points.family",
}
NAMES = tuple(_MODULES)


class Family(Protocol):
    """What a family's module `family` has, as functions."""

    def settings(self, values: Mapping[str, Any], *, total_frames: int) -> Any:
        """The typed settings of the family's part of a config, for a run of so many frames."""

    def with_looks(self, settings: Any, categories: tuple[str, ...]) -> Any:
        """The settings of a run that learns looks of these categories besides the person as filmed."""

    def check_device(self, settings: Any) -> None:
        """Raises UserError where a run of this size would be hopeless on this device."""

    def needs_normals(self, settings: Any) -> bool:
        """Whether a run reads the pictures of normals that part-swapped folders may have."""

    def model(self, run: Any) -> "AvatarModel":
        """What the loop trains in a run: `data.run_data.RunData`."""

    def arrays(self, workdir: "pathlib.Path", leaves: Mapping[str, "np.ndarray"]) -> dict[str, "np.ndarray"]:
        """An avatar's arrays of a checkpoint's leaves, by name, without the description."""

    def open(self, arrays: Mapping[str, "np.ndarray"], *, where: str) -> "Avatar":
        """The avatar of named arrays, the description among them."""

    def fuse(self, source: "Avatar", target: "Avatar", attributes: Sequence[str], *, per_look: bool) -> "Avatar":
        """The target with attributes of the source, without training."""

    def import_avatar(self, checkpoint: Any, *, out: Any, **options: Any) -> "Avatar":
        """Writes the avatar of a checkpoint of the published code as an `.npz`, and returns it."""

    def write_portable(self, path: "pathlib.Path", baked: "BakedLook", *, image_size: int) -> None:
        """Writes a baked look as arrays that need none of our code, and a program that draws them."""

    def web_arrays(self, baked: "BakedLook") -> "tuple[dict[str, np.ndarray | Quantised], BakedLook]":
        """A baked look as the arrays that a web page draws it from, and the look with all of them as rounded there."""


def find(name: str) -> Family:
    """The family of this name.

    Raises:
        UserError: there is none.
    """
    if name not in _MODULES:
        raise UserError(f"There is no family of avatars named {name!r}; there are {', '.join(NAMES)}.")
    return importlib.import_module(_MODULES[name])  # type: ignore[return-value]
