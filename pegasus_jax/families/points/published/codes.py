"""The latent tables that PEGASUS keeps in InputParameters, as codes of our categories. Spec section 3.6.

Every slot starts with the zero code; base codes (or, in a single-video run, own codes) replace it where there are any;
each video's code belongs to the category that its folder's name starts with.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pegasus_jax.core.latents import CATEGORIES
from pegasus_jax.errors import UserError
from pegasus_jax.torch_files import read_tensors

_BASE_SLOTS = tuple(name for name in CATEGORIES if name not in ("hat", "eyeglasses"))
_OWN_SLOTS = tuple(name for name in CATEGORIES if name != "hat")
_ROLES = {"zero": ("zero",), "base": ("source", "base"), "own": ("target", "own")}  # role: words in a table's name
_ROWS = {"zero": 1, "base": len(_BASE_SLOTS), "own": len(_OWN_SLOTS)}
PERSON = "me"


@dataclasses.dataclass(frozen=True)
class Look:
    """A part-swapped video of the training list, such as `hair_Ada`."""

    category: str
    donor: str

    @property
    def name(self) -> str:
        """As in `Avatar.looks`."""
        return f"{self.category}/{self.donor}"


@dataclasses.dataclass(frozen=True)
class Codes:
    """The learned codes of K numbers each."""

    base: np.ndarray  # (9, K): one per category
    looks: np.ndarray  # (L, K)


def parse_looks(names: Sequence[str]) -> tuple[Look, ...]:
    """The looks of folders named CATEGORY_DONOR.

    Raises:
        UserError: a name does not start with one of the nine categories.
    """
    looks = []
    for name in names:
        category, _, donor = name.partition("_")
        if category not in CATEGORIES or not donor:
            raise UserError(f"--looks: {name!r} must be CATEGORY_DONOR with one of {', '.join(CATEGORIES)}.")
        looks.append(Look(category, donor))
    return tuple(looks)


def latents_file(checkpoint: pathlib.Path) -> pathlib.Path:
    """Where the published trainer puts the tables of a checkpoint in ModelParameters."""
    return checkpoint.parent.parent / "InputParameters" / checkpoint.name


def read_codes(path: pathlib.Path, looks: Sequence[Look], *, code_size: int) -> Codes:
    """The codes in an InputParameters file.

    Tables are told apart by their names (zero, source, target), else by how many rows they have: 1, 7 and 8.

    Raises:
        UserError: there is no such file, a table is missing or of another width, or `looks` does not name each video.
    """
    if not path.is_file():
        raise UserError(
            f"There are no latent tables at {path}; name the file of InputParameters that belongs to the checkpoint "
            "with --latents."
        )
    tables = _by_role(dict(_tables(read_tensors(path), "")), path, code_size)
    if "zero" not in tables or not tables.keys() & {"base", "own"}:
        raise UserError(f"{path} lacks a zero code (1 row) or base codes (7 rows, or 8 of a single-video run).")
    videos = tables.get("videos", np.zeros((0, code_size), np.float32))
    if len(videos) != len(looks):
        raise UserError(
            f"{path} holds the codes of {len(videos)} videos, and --looks names {len(looks)}: name each, in the order "
            "of the training list, such as --looks=hair_Ada,hat_Ben."
        )
    base = np.repeat(tables["zero"], len(CATEGORIES), axis=0)
    slots, codes = (_BASE_SLOTS, tables["base"]) if "base" in tables else (_OWN_SLOTS, tables["own"])
    base[[CATEGORIES.index(slot) for slot in slots]] = codes
    return Codes(base, videos)


def _tables(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    """Tensors with two axes, by their dotted names."""
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _tables(value, f"{prefix}{name}.")
        elif isinstance(value, np.ndarray) and value.ndim == 2:
            yield f"{prefix}{name}", np.asarray(value, np.float32)


def _by_role(tables: Mapping[str, np.ndarray], path: pathlib.Path, code_size: int) -> dict[str, np.ndarray]:
    found: dict[str, str] = {}
    for name, table in tables.items():
        if table.shape[1] != code_size:
            raise UserError(f"{path}: {name} has codes of {table.shape[1]} numbers, the networks ask for {code_size}.")
        if not np.isfinite(table).all():
            raise UserError(f"{path}: {name} has a value that is not finite; take an earlier checkpoint.")
        role = _role(name, len(table))
        if role in found:
            raise UserError(f"{path}: {found[role]} and {name} both look like its {role} codes; keep one of them.")
        if len(table) != _ROWS.get(role, len(table)):
            raise UserError(f"{path}: {name} has {len(table)} rows; {role} codes have {_ROWS[role]}.")
        found[role] = name
    return {role: tables[name] for role, name in found.items()}


def _role(name: str, rows: int) -> str:
    for role, words in _ROLES.items():
        if any(word in name for word in words):
            return role
    return next((role for role, count in _ROWS.items() if count == rows), "videos")
