"""The commands of the launcher, one module each.

A command's module has a one-line docstring (shown in the list of commands), `define_flags(flag_values)`, and
`run(flag_values)`, which calls one function; also `set_up(flag_values)`, if something comes before JAX's devices are
known, and `COMPUTES = False`, if it leaves them to others. What is heavy is imported inside `run`: the launcher imports
every command to list them.
"""

import importlib
import keyword
import types

NAMES = (
    "demo",
    "create",
    "doctor",
    "assets",
    "capture",
    "synthesize",
    "train",
    "track",
    "plan",
    "render",
    "edit",
    "fuse",
    "view",
    "evaluate",
    "export",
    "import",
)


def load(name: str) -> types.ModuleType:
    """The module of the command `name`, one of `NAMES`."""
    module = f"{name}_" if keyword.iskeyword(name) else name
    return importlib.import_module(f"{__name__}.{module}")


def summary(name: str) -> str:
    """What the command does, in one line."""
    return (load(name).__doc__ or "").strip().splitlines()[0]
