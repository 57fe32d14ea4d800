"""Typed settings from the nested dicts of a config."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from pegasus_jax.errors import UserError


def typed(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `kind` with these values; lists become tuples where it has tuples.

    Raises:
        UserError: an entry is missing or unknown; `where` names the part of the config.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise UserError(f"The config's {where} has no entry named {unknown[0]}; it knows {', '.join(fields)}.")
    missing = [name for name, field in fields.items() if name not in values and _is_needed(field)]
    if missing:
        raise UserError(f"The config's {where} lacks {missing[0]}.")
    hints = typing.get_type_hints(kind)
    return kind(**{name: tuple(v) if typing.get_origin(hints[name]) is tuple else v for name, v in values.items()})


def _is_needed(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
