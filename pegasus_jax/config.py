"""Reading configs: Python files with `get_config(arg=None) -> ml_collections.ConfigDict`.

`configs/laptop.py:quick` names a file and the argument its `get_config` gets. A config is locked once it is
loaded: a misspelt key is a mistake, never a new key.
"""

import ast
import contextlib
import difflib
import importlib.util
import pathlib
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from ml_collections import ConfigDict

from pegasus_jax import paths
from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files


def load_config(spec: str, *, overrides: Sequence[str] = ()) -> ConfigDict:
    """Runs a config file and applies `overrides`.

    Args:
        spec: `path.py` or `path.py:argument`.
        overrides: `key.path=value` each, the value as a Python literal or a bare string.

    Raises:
        UserError: the file is missing, has no `get_config` or fails, or an override names no key or the wrong type.
    """
    path, argument = _located(spec)
    if not path.is_file():
        raise UserError(f"There is no config file {path}; the project's own are in {own_folder()}.")
    module_spec = importlib.util.spec_from_file_location("_pegasus_config", path)
    if module_spec is None or module_spec.loader is None:
        raise UserError(f"{path} is no Python file; a config ends in .py.")
    module = importlib.util.module_from_spec(module_spec)
    with _told(path):
        module_spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise UserError(f"{path} has no function get_config(arg); see configs/ for examples.")
    with _told(path):
        config = module.get_config(argument) if argument else module.get_config()
    if not isinstance(config, ConfigDict):
        raise UserError(f"{path}: get_config must return an ml_collections.ConfigDict; see configs/ for examples.")
    config.lock()
    override(config, overrides)
    return config


@contextlib.contextmanager
def _told(path: pathlib.Path) -> Iterator[None]:
    """A config that fails is its author's mistake: where, and what."""
    try:
        yield
    except (UserError, ImportError):  # the launcher says which package to install
        raise
    except (Exception, SystemExit) as error:
        lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == str(path)]
        place = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
        at = f" at line {place}" if place else ""
        raise UserError(f"{path} fails{at} ({type(error).__name__}: {files.said(str(error))}); correct it.") from error


def override(config: ConfigDict, changes: Sequence[str]) -> None:
    """Applies `key.path=value` changes to a config in place; see `load_config`.

    Raises:
        UserError: a change names no key or the wrong type.
    """
    for change in changes:
        _apply(config, change)


def own_folder() -> pathlib.Path:
    """The project's own configs: in a checkout beside the package, in an installation within it."""
    package = pathlib.Path(__file__).parent
    beside = package.parent / "configs"
    return beside if beside.is_dir() and (package.parent / "launch.py").is_file() else package / "configs"


def is_own(spec: str) -> bool:
    """Whether a config is one of the project's own."""
    return _located(spec)[0].resolve().parent == own_folder().resolve()


def located(spec: str) -> str:
    """`spec` with the path of its file: the project's own `configs/…` are found wherever one stands.

    What is there goes first, so that a folder `configs/` of one's own wins.
    """
    path, argument = _located(spec)
    return f"{path}:{argument}" if argument else str(path)


def _located(spec: str) -> tuple[pathlib.Path, str | None]:
    path, argument = _split(spec)
    path = paths.expanded(path)
    own = own_folder() / path.name
    is_named = path.parent == pathlib.Path(own_folder().name)
    return (own if is_named and not path.is_file() and own.is_file() else path), argument


def _split(spec: str) -> tuple[pathlib.Path, str | None]:
    stem, suffix, argument = spec.partition(".py:")  # not at a bare colon: C:\configs\a.py
    return (pathlib.Path(stem + ".py"), argument) if suffix else (pathlib.Path(spec), None)


def _apply(config: ConfigDict, change: str) -> None:
    key_path, equals, text = change.partition("=")
    if not equals:
        raise UserError(f"--config.{change} needs a value: write --config.{change}=VALUE.")
    *parents, key = key_path.split(".")
    holder = config
    for name in parents:
        holder = _get(holder, name, key_path)
        if not isinstance(holder, ConfigDict):
            raise UserError(f"--config.{key_path}: {name} is one value and has no keys.")
    current = _get(holder, key, key_path)
    if isinstance(current, ConfigDict):
        keys = ", ".join(sorted(current))
        raise UserError(f"--config.{key_path} is a group; change one of its keys: {keys}.")
    try:
        holder[key] = text if isinstance(current, str) else _literal(text)
    except TypeError as error:
        kind = type(current).__name__
        raise UserError(f"--config.{key_path} takes a value of type {kind}; got {text!r}.") from error


def _get(holder: ConfigDict, key: str, key_path: str) -> Any:
    if key in holder:
        return holder[key]
    close = difflib.get_close_matches(key, list(holder), n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(holder))}."
    raise UserError(f"The config has no key {key_path}: {hint}")


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # too deep, or signs of no text
        return text
