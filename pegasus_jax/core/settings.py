"""Typed settings from the nested dicts of a config."""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from pegasus_jax.errors import UserError


def typed(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `kind` with these values; lists become tuples where it has tuples.

    Raises:
        UserError: an entry is missing, unknown, or of a wrong type; `where` names the part of the config.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise UserError(f"The config's {where} has no entry named {unknown[0]}; it knows {', '.join(fields)}.")
    missing = [name for name, field in fields.items() if name not in values and _is_needed(field)]
    if missing:
        raise UserError(f"The config's {where} lacks {missing[0]}.")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _as(hints[name], value, f"{where}: {name}") for name, value in values.items()})


def _as(hint: Any, value: Any, where: str) -> Any:
    """The value, lists as tuples, where it is one that a field of this type may have."""
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if not is_of_type(value, hint):
        said = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
        raise UserError(f"The config's {where} must be {said}; it is {shown(value)}.")
    return value


def described(kind: type, values: Mapping[str, Any], *, where: str) -> Any:
    """An instance of the dataclass `kind` with the values that a file has for its fields, lists as tuples.

    Raises:
        UserError: a field is missing or unknown, or has a value of another type; `where` they stand is for sentences.
    """
    fields, hints = {field.name: field for field in dataclasses.fields(kind)}, typing.get_type_hints(kind)
    odd = sorted(set(values) - set(fields)) or [n for n, f in fields.items() if n not in values and _is_needed(f)]
    if odd:
        told = "is unknown" if odd[0] in values else "is missing"
        raise UserError(f"{where} is damaged ({odd[0]!a} {told}); train or export the avatar again.")
    for name, value in values.items():
        if not is_of_type(value, hints[name]):
            raise UserError(f"{where} is damaged ({name} is {shown(value)}); train or export the avatar again.")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def shown(value: Any) -> str:
    """A value as a sentence may show it: short, and printable."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:60]}…"


def is_of_type(value: Any, hint: Any) -> bool:
    """Whether a value of a config or a json is what an annotation says; numbers have to be finite.

    `hint`: a class, or a union, `Literal`, `tuple[X, ...]`, `tuple[X, Y]` or `dict[str, X]` of such.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(is_of_type(value, one) for one in inner)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is dict:
        return isinstance(value, dict) and all(is_of_type(each, inner[1]) for each in value.values())
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        expected = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        return len(value) == len(expected) and all(map(is_of_type, value, expected))
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _is_needed(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
