"""A pytree as a flat dict of arrays with dotted names, such as `networks.canonical.layers.0.v`: what files hold."""

from collections.abc import Mapping
from typing import Any

import jax

from pegasus_jax.errors import UserError


def flat(tree: Any) -> dict[str, Any]:
    """Leaves by their dotted names."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def unflat(template: Any, leaves: Mapping[str, Any], *, where: str) -> Any:
    """The template's pytree with these leaves; the names have to agree, shapes may differ.

    Raises:
        UserError: a name is missing or unknown.
    """
    paths, treedef = jax.tree_util.tree_flatten_with_path(template)
    names = [_name(path) for path, _ in paths]
    odd = sorted(set(names) ^ set(leaves))
    if odd:
        raise UserError(
            f"{where} was made with other networks: {odd[0]} is in only one of the two; use its own config."
        )
    return jax.tree_util.tree_unflatten(treedef, [leaves[name] for name in names])


def _name(path: tuple) -> str:
    return ".".join(str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key)))) for key in path)
