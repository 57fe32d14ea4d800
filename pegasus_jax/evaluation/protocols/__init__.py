"""The protocols: what is measured, on how many frames, pairs and poses; one module each.

A protocol is a frozen dataclass whose fields are its settings, defaults written down, and whose `measure` does the
work. Modules are imported only when they are asked for: the launcher lists the names.
"""

import dataclasses
import importlib
from collections.abc import Sequence
from typing import Any

_CLASSES = {
    "reconstruction": "Reconstruction",
    "identity": "Identity",
    "attribute_transfer": "AttributeTransfer",
    "generative": "Generative",
    "temporal": "Temporal",
    "speed": "Speed",
    "offsets": "Offsets",
}
NAMES = tuple(_CLASSES)


def load(name: str) -> Any:
    """The class of the protocol `name`, one of `NAMES`."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), _CLASSES[name])


def configured(name: str, changes: Sequence[str]) -> Any:
    """The protocol `name` with its settings changed by `key=value` each.

    Raises:
        UserError: there is no such setting, or it takes no such value.
    """
    from ml_collections import ConfigDict

    from pegasus_jax import config

    kind = load(name)
    settings = ConfigDict(dataclasses.asdict(kind())).lock()
    config.override(settings, changes)
    return kind(**settings.to_dict())
