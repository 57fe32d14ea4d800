"""What one client wants to see. Written by its controls, read by the thread that draws."""

import dataclasses
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.viewer.view import View


@dataclasses.dataclass(frozen=True)
class Wish:
    """A picture that a client wants."""

    baked: BakedLook
    params: FlameParams  # of the sliders
    mode: str = "colour"
    view: View | None = None  # until the browser has said where its camera is
    frame: int | None = None  # of the driving clip; None: the sliders'
    live: FlameParams | None = None  # what the camera's face does, which goes before all


class ClientState:
    """The newest wish of a client, and when it came."""

    def __init__(self, wish: Wish, changed: Callable[[], None]):
        """`changed` is called after every change."""
        self._lock = threading.Lock()
        self._changed = changed
        self.wish = wish
        self.time = time.monotonic()

    def change(self, **fields: Any) -> None:
        """Replaces fields of the wish."""
        with self._lock:
            self.wish = dataclasses.replace(self.wish, **fields)
            self.time = time.monotonic()
        self._changed()

    def set_numbers(self, field: str, indices: tuple[int, ...], value: float) -> None:
        """Some of the 15 numbers of `pose` or the 50 of `expression`; what is not finite is not taken."""
        if not math.isfinite(value):
            return
        with self._lock:
            numbers = getattr(self.wish.params, field).copy()
            numbers[list(indices)] = value
            params = dataclasses.replace(self.wish.params, **{field: numbers})
            self.wish = dataclasses.replace(self.wish, params=params)
            self.time = time.monotonic()
        self._changed()
