"""Json of strangers: bounded in memory and depth, without numbers or strings that break what comes after.

Python's parser takes any depth until its stack ends, integers of any length, and strings that no file name and no
terminal can take.
"""

import json
import os
import re
from typing import Any

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files
from pegasus_jax.untrusted.limits import DEEPEST, Budget

# Bytes of memory for each of these signs: what Python's objects take that they begin or part.
_COSTS = {b"{": 232, b"[": 96, b",": 40, b'"': 32}
_BYTES_PER_SIGN = 4  # of a string with any sign beyond Unicode's first 65,536
_LONG_INTEGER = re.compile(rb"\d{19}")
_MOST_DIGITS = 18


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value in a json file, UTF-8 with or without byte order mark.

    Raises:
        UserError: the file is missing, is no regular one, no json, or would take too much memory.
    """
    return parse(files.read_bytes(path), source=str(path))


def parse(text: bytes, *, source: str) -> Any:
    """The value of a json text, UTF-8 with or without byte order mark.

    Args:
        text: the bytes.
        source: what to call them in sentences.

    Raises:
        UserError: it is no json, is nested too deep, would take too much memory, or holds integers of more than 18
            digits or strings that are no text.
    """
    cost = len(text) * (1 if text.isascii() else _BYTES_PER_SIGN)
    cost += sum(text.count(sign) * each for sign, each in _COSTS.items())
    Budget(len(text), source=source).spend(cost)
    try:
        decoded = text.decode("utf-8-sig")
        parse_int = _integer if _LONG_INTEGER.search(text) else None  # only then: it makes reading slower
        value = json.loads(decoded, parse_int=parse_int)
    except RecursionError as error:
        raise _too_deep(source) from error
    except ValueError as error:
        raise UserError(f"{source} cannot be read as json ({error}).") from error
    _check(value, source)
    return value


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"an integer of {len(digits.lstrip('-'))} digits")
    return int(digits)


def _check(value: Any, source: str) -> None:
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for holder in level:
            items = [*holder, *holder.values()] if isinstance(holder, dict) else holder
            kinds = set(map(type, items))  # most lists hold numbers alone
            if str in kinds:
                for item in items:
                    if isinstance(item, str):
                        _check_string(item, source)
            if kinds & {list, dict}:
                below += [item for item in items if isinstance(item, (list, dict))]
        if not below:
            return
        level = below
    raise _too_deep(source)


def _check_string(text: str, source: str) -> None:
    """Refuses what neither a file's name nor UTF-8 can hold."""
    if "\0" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)):
        raise UserError(f"{source} holds the string {files.said(ascii(text)[1:-1])}, which is no text.")


def _too_deep(source: str) -> UserError:
    return UserError(f"{source} is nested deeper than {DEEPEST} levels.")
