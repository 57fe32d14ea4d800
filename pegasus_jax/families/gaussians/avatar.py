"""A trained avatar of rigged Gaussians to use: one look, which is the person as filmed."""

import functools
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.latents import LatentTable
from pegasus_jax.core.leaves import Leaf, checked, fingerprint_of, flat, unflat
from pegasus_jax.core.settings import is_of_type
from pegasus_jax.editing.trained import TrainedLooks
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import DESCRIPTION, AvatarDescription
from pegasus_jax.families.gaussians.baked import GaussianLook
from pegasus_jax.families.gaussians.binding import Binding
from pegasus_jax.families.gaussians.params import Bases, Mixer, Params
from pegasus_jax.families.gaussians.parts import SHELL
from pegasus_jax.families.gaussians.rig import build_rig
from pegasus_jax.families.gaussians.unseen import with_unseen_filled
from pegasus_jax.flame.model import GLOBAL, NUM_EXPRESSION, POSE_SIZE
from pegasus_jax.npz_file import array_json, json_array, write_npz

ARRAYS = ("params", "binding", "driving", "seen", "hair")  # what the names of an avatar's arrays begin with
_DRIVING_SIZE = NUM_EXPRESSION + POSE_SIZE - GLOBAL.stop
_FARTHEST = 1e4  # head units, and what is counted in shares of them
_SLACK = 1e-3  # of shares
_LARGEST_LOG_SCALE = 40.0  # its exponential and the square of that are float32
_BASES = ("K",)  # of which there may be none
_LEAVES = {
    "params.offset": Leaf((3, "N"), low=-_FARTHEST, high=_FARTHEST),
    "params.quaternion": Leaf((4, "N")),
    "params.log_scale": Leaf((3, "N"), low=-_LARGEST_LOG_SCALE, high=_LARGEST_LOG_SCALE),
    "params.opacity_logit": Leaf(("N",)),
    "params.colour": Leaf((3, "N"), low=-_FARTHEST, high=_FARTHEST),
    **{f"params.bases.{name}": Leaf(("K", 3, "N"), may_be_none=_BASES) for name in ("offset", "rotation", "colour")},
    "params.mixer.kernel_in": Leaf((_DRIVING_SIZE, "H")),
    "params.mixer.bias_in": Leaf(("H",)),
    "params.mixer.kernel_out": Leaf(("H", "K"), may_be_none=_BASES),
    "params.mixer.bias_out": Leaf(("K",), may_be_none=_BASES),
    "binding.faces_idx": Leaf(("N",), "i", low=0),
    "binding.bary": Leaf(("N", 3), low=-1.0, high=2.0),
    "binding.offset": Leaf(("N", 3), low=-_FARTHEST, high=_FARTHEST),
    "binding.part": Leaf(("N",), "i", low=0, high=SHELL),
    "driving": Leaf((4, _DRIVING_SIZE)),
    "seen": Leaf(("N",), "b"),
    "hair": Leaf(("N",), low=-_SLACK, high=1.0 + _SLACK),
}


class TrainedGaussianAvatar(Avatar):
    """A trained avatar: N Gaussians, where they are bound, and the head model that moves them."""

    capabilities = frozenset({"primitives", "fuse", "program", "web"})

    def __init__(
        self,
        description: AvatarDescription,
        params: Params,
        binding: Binding,
        driving: np.ndarray,
        seen: np.ndarray,
        hair: np.ndarray | None,
    ):
        """Args:
        description: as written beside it.
        params: what was learned.
        binding: of the N Gaussians.
        driving: (4, 62) the clip's `rig.driving_range`.
        seen: (N,) bool: some frame has shown it well.
        hair: (N,) in [0, 1]: how much of it is hair; None of an avatar that was trained before that was told.
        """
        self.description, self.binding, self.driving, self.seen = description, binding, driving, np.asarray(seen)
        self.hair = hair
        self.trained_params = params
        self.head = description.load_head()
        self.betas = jnp.asarray(description.betas, jnp.float32)
        self.expression_c = jnp.asarray(description.canonical_expression, jnp.float32)

    @property
    def size(self) -> str:
        """The number of Gaussians."""
        return f"{len(self.binding)} Gaussians"

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:  # type: ignore[override]
        """The person as filmed alone."""
        return TrainedLooks(self.description.looks, LatentTable(code_size=0, look_categories=(), rngs=nnx.Rngs(0)))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the parameters, as hex."""
        return fingerprint_of(self.trained_params)

    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> GaussianLook:
        """The Gaussians, with the colours of neighbours where no frame has shown them; always float32."""
        return self._baked

    @functools.cached_property
    def _baked(self) -> GaussianLook:
        rig, binding = build_rig(self.head, np.asarray(self.betas), self.binding, self.driving)
        return GaussianLook(
            params=with_unseen_filled(self.trained_params, rig, self.seen),
            rig=rig,
            binding=binding,
            head=jax.tree.map(jnp.asarray, self.head),
            betas=self.betas,
            shape_betas=self.betas,
            training_side=jnp.float32(self.description.model["training_side"]),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, the description among them: what `of_arrays` takes."""
        tree = {"params": self.trained_params, "binding": self.binding, "driving": self.driving, "seen": self.seen}
        tree |= {} if self.hair is None else {"hair": self.hair}
        found = {name: np.asarray(leaf) for name, leaf in flat(tree).items()}
        return found | {DESCRIPTION: json_array(self.description.to_json())}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "TrainedGaussianAvatar":
        """The inverse of `arrays`.

        Raises:
            UserError: they are of another version or damaged, or the head model is gone.
        """
        description = AvatarDescription.from_json(array_json(arrays, DESCRIPTION, where=where), where=where)
        blank = np.zeros(0)
        params = Params(*5 * (blank,), bases=Bases(*3 * (blank,)), mixer=Mixer(*4 * (blank,)))  # type: ignore[arg-type]
        template = {"params": params, "binding": Binding(*4 * (blank,)), "driving": blank, "seen": blank}
        template |= {name: blank for name in ("hair",) if name in arrays}
        leaves = {name: arrays[name] for name in arrays if name.split(".")[0] in ARRAYS}
        unflat(template, leaves, where=where)  # says which of them is unknown
        expected = {name: leaf for name, leaf in _LEAVES.items() if name in leaves or name != "hair"}
        found = unflat(template, checked(leaves, expected, where=where), where=where)
        learned = jax.tree.map(jnp.asarray, found["params"])
        avatar = cls(description, learned, found["binding"], found["driving"], found["seen"], found.get("hair"))
        avatar._check(where)
        return avatar

    def _check(self, where: str) -> None:
        """What shapes and bounds do not say."""
        binding, num_faces = self.binding, len(self.head.faces)
        if binding.faces_idx.max() >= num_faces or not np.allclose(binding.bary.sum(axis=1), 1.0, atol=_SLACK):
            raise UserError(
                f"{where}: binding must name triangles of the head's {num_faces}, and places in them; it is another "
                "head's, or damaged."
            )
        if self.driving[1].min() <= 0.0:
            raise UserError(f"{where}: driving has deviations that are not above 0; the file is damaged.")
        side = self.description.model.get("training_side")
        if not is_of_type(side, int | float) or side <= 0:
            raise UserError(f"{where}: an avatar of Gaussians has a training_side above 0; it is damaged.")
        categories = self.description.model.get("look_categories", ())
        if not is_of_type(categories, tuple[str, ...]) or len(self.description.looks) != 1 + len(categories):
            raise UserError(f"{where}: an avatar has its person and one look for each category; it is damaged.")

    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""
        write_npz(path, self.arrays())
