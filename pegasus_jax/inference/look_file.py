"""Look files: a look as json, to be kept, shared and rendered later.

    {"format": 1, "avatar": "<its fingerprint>", "how": "me with hair:hair/ada", "codes": {"hair": [0.1, …], …}}

Codes are float32, written so that reading gives the same bits.
"""

import json
import os
import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np

from pegasus_jax import atomic, paths, progress
from pegasus_jax.core.avatar import Avatar
from pegasus_jax.core.latents import Latent
from pegasus_jax.editing import Look
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files, json_text

SUFFIX = ".json"
FORMAT = 1
_FIELDS = {"avatar": str, "how": str, "codes": dict}
_LARGEST = float(np.finfo(np.float32).max)


def save_look(path: str | os.PathLike, look: Look, avatar: Avatar) -> None:
    """Writes a look of an avatar.

    Raises:
        UserError: the name does not end in .json, or the place may not be written to.
    """
    if pathlib.Path(path).suffix.lower() != SUFFIX:
        raise UserError(f"{path} must end in {SUFFIX}.")
    with atomic.file(path) as temporary:
        temporary.write_text(look_json(look, avatar), "utf-8")


def look_json(look: Look, avatar: Avatar) -> str:
    """The text of a look file."""
    codes = {category: np.asarray(code, np.float32).astype(float).tolist() for category, code in look.latent.items()}
    content = {"format": FORMAT, "avatar": avatar.fingerprint, "how": look.how, "codes": codes}
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def load_look(path: str | os.PathLike, avatar: Avatar) -> Look:
    """Reads a look for an avatar, with a word of warning if it was made with another one, or before more training.

    Raises:
        UserError: there is no such file, it is no look file, or its codes do not fit the avatar.
    """
    content = _read(pathlib.Path(path))
    if content["avatar"] != avatar.fingerprint:
        progress.note(
            f"{path} was made with another avatar, or before this one was trained further: it may look wrong."
        )
    return Look(content["how"], _latent(content["codes"], like=avatar.latent(), where=f"{path}"))


def find_look(text: str | None, avatar: Avatar) -> Look:
    """The look that `--look=` means: a look file if it ends in .json, else a trained look's name.

    The person as filmed where the flag was not given.

    Raises:
        UserError: no such look, or what `load_look` says.
    """
    if text is not None and text.lower().endswith(SUFFIX):
        return load_look(paths.expanded(text), avatar)
    return Look(text or avatar.looks[0], avatar.latent(text))


def _read(path: pathlib.Path) -> dict[str, Any]:
    if not files.is_regular(path):
        raise UserError(f"There is no look file at {files.said(str(path))}; launch.py edit writes one.")
    content = json_text.read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is not a look file of format {FORMAT}; save the look again.")
    for name, kind in _FIELDS.items():
        if not isinstance(content.get(name), kind):
            raise UserError(f"{path} is damaged (it has no {name!r}); save the look again.")
    if not content["how"].isprintable():
        raise UserError(f"{path} is damaged (its 'how' is no line of text); save the look again.")
    return content


def _latent(codes: dict[str, Any], *, like: Latent, where: str) -> Latent:
    odd = sorted(codes.keys() ^ like.keys())
    if odd:
        told = "has no code of" if odd[0] in like else "has a code of an unknown category,"
        raise UserError(f"{where} {told} {odd[0]}; a look of this avatar has {', '.join(like)}.")
    return {
        category: jnp.asarray(_code(codes[category], len(like[category]), f"{where}: {category}")) for category in like
    }


def _code(numbers: Any, size: int, where: str) -> np.ndarray:
    """(K,) float32."""
    if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
        raise UserError(f"{where} is not a list of numbers; save the look again.")
    if len(numbers) != size:
        raise UserError(f"{where} has {len(numbers)} numbers where the avatar has {size}; it is another avatar's look.")
    if not all(abs(number) <= _LARGEST for number in numbers):
        raise UserError(f"{where} has a number that is not finite; save the look again.")
    return np.array(numbers, np.float32)
