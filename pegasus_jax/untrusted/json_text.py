"""Json of strangers: bounded in memory and depth, without numbers or strings that break what comes after.

Python's parser takes any depth until its stack ends, integers of any length, and strings that no file name and no
terminal can take.
"""

import json
import os
import re
from collections.abc import Iterable
from typing import Any

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files
from pegasus_jax.untrusted.limits import DEEPEST, Budget

# Bytes of memory for each of these signs: what Python's objects take that they begin or part.
_COSTS = {"{": 232, "[": 96, ",": 40, '"': 32}
_BYTES_PER_SIGN = 4  # of a string with any sign beyond Unicode's first 65,536
_MOST_DIGITS = 300  # what has more is beyond floats, too
_LONG_INTEGER = re.compile(rf"\d{{{_MOST_DIGITS + 1}}}")


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value in a json file: UTF-8, UTF-16 or UTF-32, with or without byte order mark.

    Raises:
        UserError: the file is missing, is no regular one, no json, or would take too much memory.
    """
    return parse(files.read_bytes(path), source=os.fspath(path))


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The json object in a file.

    Raises:
        UserError: see `read_json`; or it holds something else than an object.
    """
    return as_object(read_json(path), source=os.fspath(path))


def as_object(value: Any, *, source: str) -> dict[str, Any]:
    """The value itself.

    Raises:
        UserError: it is no json object.
    """
    if not isinstance(value, dict):
        raise UserError(f"{source} must hold a json object.")
    return value


def parse(text: str | bytes, *, source: str) -> Any:
    """The value of a json text: UTF-8, UTF-16 or UTF-32, with or without byte order mark.

    Args:
        text: what is written, or its bytes.
        source: what to call it in sentences.

    Raises:
        UserError: it is no json, is nested too deep, would take too much memory, or holds integers beyond all floats or
            strings that are no text.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
        cost = len(decoded) * (1 if decoded.isascii() else _BYTES_PER_SIGN)
        cost += sum(decoded.count(sign) * each for sign, each in _COSTS.items())
        Budget(len(text), source=source).spend(cost)
        parse_int = _integer if _LONG_INTEGER.search(decoded) else None  # only then: it makes reading slower
        value = json.loads(decoded, parse_int=parse_int)
    except UserError:
        raise
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
                    if isinstance(item, str) and not _is_text(item):
                        raise UserError(f"{source}{_place(value, item)} {item!a} is a name that no file can have.")
            if kinds & {list, dict}:
                below += [item for item in items if isinstance(item, (list, dict))]
        if not below:
            return
        level = below
    raise _too_deep(source)


def _is_text(string: str) -> bool:
    """Whether a file's name and UTF-8 can hold it."""
    return "\0" not in string and (string.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in string))


def _place(value: Any, string: str, *, so_far: str = "") -> str:
    """Where in a value that is not too deep a string stands, as `: frames[1].file_path:`."""
    if value is string:
        return f": {so_far.lstrip('.')}:"
    entries: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        entries = ((f".{files.said(key)}", entry) for key, entry in value.items())
    elif isinstance(value, list):
        entries = ((f"[{index}]", entry) for index, entry in enumerate(value))
    for name, entry in entries:
        if found := _place(entry, string, so_far=so_far + name):
            return found
    return ""


def _too_deep(source: str) -> UserError:
    return UserError(f"{source} is nested deeper than {DEEPEST} levels.")
