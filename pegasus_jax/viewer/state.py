"""What one client wants to see. Written by its controls, read by the thread that draws."""

import dataclasses
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pegasus_jax.inference.any_avatar import AnyBaked
from pegasus_jax.viewer.view import View


@dataclasses.dataclass(frozen=True)
class Drive:
    """What an avatar does."""

    pose: np.ndarray  # (15,) radians
    expression: np.ndarray  # (50,)


@dataclasses.dataclass(frozen=True)
class Wish:
    """A picture that a client wants."""

    baked: AnyBaked
    pose: np.ndarray  # (15,) radians
    expression: np.ndarray  # (50,)
    mode: str = "colour"
    view: View | None = None  # until the browser has said where its camera is
    frame: int | None = None  # of the driving clip; None: pose and expression are the sliders'
    live: Drive | None = None  # what the camera's face does, which goes before all


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
            numbers = getattr(self.wish, field).copy()
            numbers[list(indices)] = value
            self.wish = dataclasses.replace(self.wish, **{field: numbers})
            self.time = time.monotonic()
        self._changed()
