"""Batches of images for backends whose programs draw one image."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from rasterizer.types import Settings


def one_by_one(body: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `body(settings, *arrays)`; under vmap it runs image after image.

    A batched loop would copy its state until its longest member is done.
    """

    @functools.partial(jax.jit, static_argnums=0)
    @functools.wraps(body)
    def run(settings: Settings, *arrays: Any) -> Any:
        return jax.custom_batching.sequential_vmap(functools.partial(body, settings))(*arrays)

    return run
