"""`launch.py import`: a published checkpoint becomes an avatar's `.npz`."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from pegasus_jax.data import read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.families.description import AvatarDescription
from pegasus_jax.families.free_points.head_space import ANY_PART
from pegasus_jax.families.points.avatar import TrainedPointAvatar
from pegasus_jax.families.points.networks import AvatarNetworks, NetworkConfig
from pegasus_jax.families.points.published.checkpoint import read_checkpoint
from pegasus_jax.families.points.published.codes import PERSON, Look, latents_file, parse_looks, read_codes
from pegasus_jax.families.points.published.entries import Entries
from pegasus_jax.families.points.published.networks import load_networks, network_config
from pegasus_jax.flame import load_head
from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION, HeadModel
from pegasus_jax.untrusted import npy_files

PUBLISHED_POINTS_PER_PIXEL = 10
PUBLISHED_IMAGE_SIZE = 512
_HEAD = "FLAMEServer"
_POINTS = "pc.points"


def import_avatar(
    checkpoint: str | os.PathLike,
    *,
    head: str | os.PathLike,
    out: str | os.PathLike,
    data: Sequence[pathlib.Path] = (),
    canonical_expression: str | os.PathLike | None = None,
    latents: str | os.PathLike | None = None,
    looks: Sequence[str] = (),
) -> TrainedPointAvatar:
    """Writes the avatar of a PointAvatar or PEGASUS checkpoint to `out` (`.npz`) and returns it.

    Args:
        checkpoint: a `.pth` of the run's ModelParameters.
        head: the FLAME model that the run used.
        out: the `.npz` to write.
        data: the run's dataset folders: the canonical expression is the mean of their frames'.
        canonical_expression: instead of `data`, a `.npy` of (50,) or (1, 50).
        latents: PEGASUS: the tables of InputParameters; looked for beside ModelParameters by default.
        looks: PEGASUS: the training list's folders (`hair_Ada`), in its order; one for each video code.

    Raises:
        UserError: an entry is missing, unknown or misshapen; the head is another one; no canonical expression.
    """
    path, head_path = pathlib.Path(checkpoint), pathlib.Path(head)
    expression_c, betas = _person(data, canonical_expression)
    found, named = read_checkpoint(path), parse_looks(looks)
    entries = found.entries
    config = network_config(entries, look_categories=tuple(look.category for look in named))
    networks = load_networks(config, entries)
    _load_codes(networks, config, pathlib.Path(latents) if latents else latents_file(path), named)
    head_model = load_head(head_path)
    v_template = _template(entries, head_model, head_path)
    points = entries.take(_POINTS, (entries.shape(_POINTS)[0], 3))
    entries.ignore(rf"{_HEAD}\..*")
    entries.check_all_taken()
    # Where the checkpoint's template is not the head's own, the person's shape is in it already.
    rtol = max(1e-5, entries.rounding(f"{_HEAD}.v_template"))
    shape_is_baked = config.code_size == 0 or not np.allclose(v_template, head_model.v_template, rtol=rtol, atol=1e-5)
    description = AvatarDescription.of_run(
        family="points",
        model={"networks": dataclasses.asdict(config), "max_points_per_pixel": PUBLISHED_POINTS_PER_PIXEL},
        head=head_model,
        head_path=head_path,
        betas=np.zeros(NUM_BETAS) if shape_is_baked else betas,
        canonical_expression=expression_c,
        looks=(PERSON, *(look.name for look in named)),
        image_size=PUBLISHED_IMAGE_SIZE,
    )
    avatar = TrainedPointAvatar(
        description,
        networks,
        jnp.asarray(points),
        jnp.full(len(points), ANY_PART, jnp.int32),
        jnp.float32(found.radius),
        v_template=v_template,
    )
    avatar.save(out)
    return avatar


def _person(data: Sequence[pathlib.Path], expression_file: str | os.PathLike | None) -> tuple[np.ndarray, np.ndarray]:
    """The canonical expression (50,) and betas (100,) of the run."""
    if bool(data) == bool(expression_file):
        raise UserError("import needs either --data=DATASET_FOLDER or --canonical_expression=x.npy, one of the two.")
    if expression_file:
        return read_expression(pathlib.Path(expression_file)), np.zeros(NUM_BETAS, np.float32)
    datasets = [read_dataset(folder) for folder in data]
    return np.concatenate([dataset.expression for dataset in datasets]).mean(axis=0), datasets[0].betas


def read_expression(path: pathlib.Path) -> np.ndarray:
    """The canonical expression (50,) float32 in an `.npy` of (50,) or (1, 50) numbers.

    Raises:
        UserError: it is none.
    """
    expression = npy_files.read_npy(path)
    if expression.shape not in ((NUM_EXPRESSION,), (1, NUM_EXPRESSION)) or expression.dtype.kind not in "fiu":
        told = f"{expression.dtype} {expression.shape}"
        raise UserError(f"{path} must hold ({NUM_EXPRESSION},) or (1, {NUM_EXPRESSION}) numbers; it has {told}.")
    if not np.isfinite(expression).all():
        raise UserError(f"{path} has a value that is not finite.")
    return np.asarray(expression, np.float32).reshape(NUM_EXPRESSION)


def _load_codes(networks: AvatarNetworks, config: NetworkConfig, path: pathlib.Path, looks: Sequence[Look]) -> None:
    if config.code_size == 0:
        if looks:
            raise UserError("--looks: this checkpoint's networks take no latent (it is a PointAvatar); leave it out.")
        return
    codes = read_codes(path, looks, code_size=config.code_size)
    networks.latents.base[...] = jnp.asarray(codes.base)
    if looks:
        networks.latents.looks[...] = jnp.asarray(codes.looks)


def _template(entries: Entries, head: HeadModel, head_path: pathlib.Path) -> np.ndarray:
    """The checkpoint's template (V, 3), once it is sure that the rest of its head is `head`."""
    name = f"{_HEAD}.v_template"
    shape = entries.shape(name)
    if shape not in ((head.num_vertices, 3), (1, head.num_vertices, 3)):
        raise UserError(
            f"{entries.where}: {name} has the shape {shape}, {head_path} has {head.num_vertices} vertices; give the "
            "FLAME model of that run."
        )
    for buffer in ("lbs_weights", "J_regressor"):
        ours, theirs = getattr(head, buffer), f"{_HEAD}.{buffer}"
        rtol = max(1e-5, entries.rounding(theirs)) if theirs in entries else 0.0
        if theirs in entries and not np.allclose(entries.take(theirs, ours.shape), ours, rtol=rtol, atol=1e-4):
            raise UserError(
                f"{entries.where} was trained with another head than {head_path} ({theirs} differs); give the FLAME "
                "model of that run: the published avatars were trained with FLAME 2020, generic_model.pkl."
            )
    return entries.take(name, shape).reshape(-1, 3)
