"""The networks: their sizes follow from the entries' shapes, their weights from the entries.

PyTorch keeps a layer's weight as (out, in), ours is (in, out). Names and layers: spec sections 3.2-3.4.
"""

import jax.numpy as jnp
from flax import nnx

from pegasus_jax.core.latents import CATEGORIES
from pegasus_jax.core.layers import Linear, WeightNormLinear
from pegasus_jax.errors import UserError
from pegasus_jax.families.free_points.deformation import DeformationNetwork
from pegasus_jax.families.points.canonical import CanonicalNetwork
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig
from pegasus_jax.families.points.published.entries import Entries
from pegasus_jax.families.points.shading import ShadingNetwork

_DEFORMATION, _CANONICAL, _SHADING = "deformer_network", "geometry_network", "rendering_network"
_SEGMENTATION = rf"{_CANONICAL}\.lin_seg\d*"
_NOWHERE = -20.0  # the segmentation logit of an avatar that knows no attributes


def network_config(entries: Entries, *, look_categories: tuple[str, ...]) -> NetworkConfig:
    """The sizes of a checkpoint's networks.

    Raises:
        UserError: an entry that tells a size is missing, or the sizes are not those of any published network.
    """
    deformation, canonical, shading = (_widths(entries, name) for name in (_DEFORMATION, _CANONICAL, _SHADING))
    latent_size = deformation[0][0] - 3
    octaves, rest = divmod(canonical[0][0] - 3 - latent_size, 6)
    if rest or octaves < 0:
        raise UserError(
            f"{entries.where}: {_CANONICAL}.lin0 takes {canonical[0][0]} numbers, which are not a point, its sines "
            f"and cosines, and a latent of {latent_size}."
        )
    width = canonical[0][1]
    narrow = [index for index, (_, out) in enumerate(canonical[:-1]) if out != width]
    if narrow and canonical[narrow[0]][1] + canonical[0][0] != width:
        raise UserError(
            f"{entries.where}: {_CANONICAL}.lin{narrow[0]} gives {canonical[narrow[0]][1]} numbers; with the network's "
            f"input, {canonical[0][0]}, they must make up the width, {width}."
        )
    return NetworkConfig(
        gc="official" if f"{_DEFORMATION}.cc.weight" in entries else "off",
        code_size=_code_size(latent_size, entries),
        look_categories=look_categories,
        deformation_width=deformation[0][1],
        deformation_depth=len(deformation),
        canonical_width=width,
        canonical_depth=len(canonical) - 1,
        canonical_skip=narrow[0] + 1 if narrow else None,
        octaves=octaves,
        shading_width=shading[0][1],
    )


def load_networks(config: NetworkConfig, entries: Entries) -> AvatarNetworks:
    """Networks of these sizes with the entries' weights; the latent table is left at random.

    Raises:
        UserError: an entry is missing, of another shape than the others ask for, or not finite.
    """
    networks = AvatarNetworks(config, rngs=nnx.Rngs(0))
    _load_deformation(networks.deformation, entries)
    _load_canonical(networks.canonical, entries)
    _load_shading(networks.shading, entries)
    return networks


def _widths(entries: Entries, network: str) -> list[tuple[int, int]]:
    """(in, out) of the layers lin0, lin1, ... of a network."""
    count = len(entries.matching(rf"{network}\.lin\d+\.weight_v"))
    names = [f"{network}.lin{index}.weight_v" for index in range(max(count, 1))]
    shapes = [entries.shape(name) for name in names]
    for name, shape in zip(names, shapes):
        if len(shape) != 2:
            raise UserError(f"{entries.where}: {name} has the shape {shape}; a layer's weight has two axes.")
    return [(shape[1], shape[0]) for shape in shapes]


def _code_size(latent_size: int, entries: Entries) -> int:
    if latent_size == 0:
        return 0
    slots = len(CATEGORIES)
    code_size, rest = divmod(latent_size - slots**2, slots)
    if rest or code_size < 1:
        raise UserError(
            f"{entries.where}: {_DEFORMATION}.lin0 takes a latent of {latent_size} numbers; PEGASUS's has {slots} "
            f"slots of {slots} + 32 numbers, {slots * (slots + 32)} in all."
        )
    return code_size


def _load_deformation(network: DeformationNetwork, entries: Entries) -> None:
    for index, layer in enumerate(network.trunk):
        _load_weight_normed(layer, entries, f"{_DEFORMATION}.lin{index}")
    _load_plain(network.basis, entries, f"{_DEFORMATION}.blendshapes")
    _load_weight_normed(network.skinning_hidden, entries, f"{_DEFORMATION}.skinning_linear")
    _load_plain(network.skinning, entries, f"{_DEFORMATION}.skinning")
    if network.gc != "off":
        _load_plain(network.gc_hidden, entries, f"{_DEFORMATION}.cc_linear")
        _load_plain(network.gc_out, entries, f"{_DEFORMATION}.cc")


def _load_canonical(network: CanonicalNetwork, entries: Entries) -> None:
    for index, layer in enumerate([*network.layers, network.out]):
        _load_weight_normed(layer, entries, f"{_CANONICAL}.lin{index}")
    heads = entries.matching(rf"{_SEGMENTATION}\.weight_v")
    if heads:
        _load_weight_normed(network.seg, entries, heads[0].removesuffix(".weight_v"))
    else:
        network.seg.g[...] = jnp.zeros_like(network.seg.g[...])
        network.seg.bias[...] = jnp.full_like(network.seg.bias[...], _NOWHERE)


def _load_shading(network: ShadingNetwork, entries: Entries) -> None:
    for index, layer in enumerate(network.layers):
        _load_weight_normed(layer, entries, f"{_SHADING}.lin{index}")


def _load_weight_normed(layer: WeightNormLinear, entries: Entries, name: str) -> None:
    size_in, size_out = layer.v.shape
    layer.v[...] = jnp.asarray(entries.take(f"{name}.weight_v", (size_out, size_in)).T)
    layer.g[...] = jnp.asarray(entries.take(f"{name}.weight_g", (size_out, 1))[:, 0])
    layer.bias[...] = jnp.asarray(entries.take(f"{name}.bias", (size_out,)))


def _load_plain(layer: Linear, entries: Entries, name: str) -> None:
    size_in, size_out = layer.weight.shape
    layer.weight[...] = jnp.asarray(entries.take(f"{name}.weight", (size_out, size_in)).T)
    layer.bias[...] = jnp.asarray(entries.take(f"{name}.bias", (size_out,)))
