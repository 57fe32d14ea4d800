"""A trained avatar of PERSE to use: choose a look, render it in any pose."""

import functools
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from pegasus_jax.core import latents
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.leaves import Leaf, checked, fingerprint_of, flat, unflat
from pegasus_jax.core.settings import described, is_of_type
from pegasus_jax.editing.trained import TrainedLooks
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import DESCRIPTION, AvatarDescription
from pegasus_jax.families.free_points.head_space import HeadSpace, head_space
from pegasus_jax.families.gaussians.perse.baked import PerseLook
from pegasus_jax.families.gaussians.perse.networks import NetworkConfig, PerseNetworks
from pegasus_jax.families.gaussians.perse.posing import CanonicalGaussians, canonicalise
from pegasus_jax.npz_file import array_json, json_array, write_npz

_NETWORKS = "networks."
_LEAVES = {
    "points": Leaf(("N", 3), low=-1e4, high=1e4),
    "floor": Leaf((), low=0.0, high=1e4),
    "epoch": Leaf((), "i", low=0),
}
ARRAYS = tuple(_LEAVES)  # beside the networks


class PerseAvatar(Avatar):
    """A trained avatar: networks, N points, and the head model that moves them."""

    def __init__(self, description: AvatarDescription, networks: PerseNetworks, arrays: Mapping[str, np.ndarray]):
        """`arrays` has `points` (N, 3), generic canonical, `floor` () of scales, and `epoch` () epochs trained."""
        self.description = description
        self._arrays = {name: np.asarray(arrays[name]) for name in ARRAYS}
        self.head = description.load_head()
        self.betas = jnp.asarray(description.betas, jnp.float32)
        self.expression_c = jnp.asarray(description.canonical_expression, jnp.float32)
        self.space = jax.device_put(head_space(self.head, self.expression_c))
        self._graphdef, self._state = nnx.split(networks)

    @property
    def capabilities(self) -> frozenset[str]:
        """Primitives; looks, where it was trained on some."""
        return frozenset({"primitives", *(("looks",) if self.looks[1:] else ())})

    @property
    def size(self) -> str:
        """The number of Gaussians."""
        return f"{len(self._arrays['points'])} Gaussians"

    @property
    def networks(self) -> PerseNetworks:
        """The networks as a module."""
        return nnx.merge(self._graphdef, self._state)

    @functools.cached_property
    def trained_looks(self) -> TrainedLooks:  # type: ignore[override]
        """The trained looks with their codes."""
        return TrainedLooks(self.description.looks, self.networks.latents)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of networks and codes, as hex: an avatar's codes mean something to its own networks alone."""
        return fingerprint_of(self._state)

    def bake(self, latent: Mapping[str, jax.Array] | None = None, *, dtype: DTypeLike = "float32") -> PerseLook:
        """Evaluates all networks but MLP_pose once for a latent (the person as filmed by default); always float32."""
        latent = dict(latent) if latent is not None else self.latent()
        z = latents.flatten(latent, categories=self.networks.config.categories)
        points = jnp.asarray(self._arrays["points"])
        return PerseLook(
            networks=self._state,
            space=self.space,
            canonical=_canonicalise(self._graphdef, self._state, self.space, points, z),
            z=z,
            betas=self.betas,
            floor=jnp.asarray(self._arrays["floor"]),
            pose_share=jnp.float32(self._arrays["epoch"] >= self.description.model["warm_up"]),
            training_side=jnp.float32(self.description.model["training_side"]),
            graphdef=self._graphdef,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as named arrays, the description among them: what `of_arrays` takes."""
        arrays = {f"{_NETWORKS}{name}": np.asarray(leaf) for name, leaf in flat(self._state).items()}
        return arrays | self._arrays | {DESCRIPTION: json_array(self.description.to_json())}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], *, where: str) -> "PerseAvatar":
        """The inverse of `arrays`.

        Raises:
            UserError: they are of another version or damaged, or the head model is gone.
        """
        description = AvatarDescription.from_json(array_json(arrays, DESCRIPTION, where=where), where=where)
        config = _config(description, where)
        own = checked(arrays, _LEAVES, where=where)
        leaves = {name.removeprefix(_NETWORKS): arrays[name] for name in arrays if name.startswith(_NETWORKS)}
        graphdef, state = nnx.split(nnx.eval_shape(lambda: PerseNetworks(config, rngs=nnx.Rngs(0))))
        state = jax.tree.map(jnp.asarray, unflat(state, leaves, where=where))
        return cls(description, nnx.merge(graphdef, state), own)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the avatar as one `.npz`, to be opened by `load`."""
        write_npz(path, self.arrays())


def _config(description: AvatarDescription, where: str) -> NetworkConfig:
    """The networks that a description names."""
    model = description.model
    if not isinstance(model.get("networks"), dict):
        raise UserError(f"{where} is damaged (it has no networks); train or export the avatar again.")
    config = described(NetworkConfig, model["networks"], where=f"{where}: networks")
    known = len(description.looks) == 1 + len(config.look_categories)
    if not known or not all(is_of_type(model.get(name), int | float) for name in ("warm_up", "training_side")):
        raise UserError(f"{where} is damaged (its looks, warm_up or training_side); train or export the avatar again.")
    return config


@functools.partial(jax.jit, static_argnums=0)
def _canonicalise(graphdef, state, space: HeadSpace, points_gc: jax.Array, z: jax.Array) -> CanonicalGaussians:
    return canonicalise(nnx.merge(graphdef, state), space, points_gc, z)
