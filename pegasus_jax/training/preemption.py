"""SIGTERM: schedulers send it before they take a machine away, and give some seconds to save."""

import signal
import threading
import types

from jax.experimental import multihost_utils

from pegasus_jax import processes


class Preemption:
    """Whether the run is asked to end; use as a context manager around it."""

    def __init__(self) -> None:
        self.asked = False  # the same on all processes after the same step
        self._heard = False
        self._before: signal._HANDLER = None

    def __enter__(self) -> "Preemption":
        if self._listens():
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._listens():
            signal.signal(signal.SIGTERM, self._before)

    def after(self, step: int) -> bool:
        """Whether to end after this step; to be called after every one, by all processes.

        In a run of several processes JAX listens for the signal, and finds a step that none of them has passed.
        """
        several = processes.count() > 1
        self.asked |= multihost_utils.reached_preemption_sync_point(step) if several else self._heard
        return self.asked

    def _note(self, number: int, frame: types.FrameType | None) -> None:
        self._heard = True

    def _listens(self) -> bool:
        """Python hears signals in the main thread alone, and elsewhere may not listen."""
        return processes.count() == 1 and threading.current_thread() is threading.main_thread()
