"""Says which process of a run is missing. Without it the others wait for ever in a sum over all devices."""

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
import types
from typing import Any

import jax

from pegasus_jax import processes
from pegasus_jax.errors import UserError

PATIENCE_SECONDS = 60.0
EXIT_STATUS = 3  # of a process that ends because another one did
_BEAT_SECONDS = 1.0
_DONE = "done"
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_int)  # of a signal, in C; NULL is what the system does by itself


class Watchdog:
    """Ends this process with a sentence when another one is gone; use as a context manager around all of the work.

    Every process leaves a sign of life once a second, and how it ended when it does. A process that fails leaves at
    once, without JAX's way of leaving, which waits for everybody. Does nothing in a run of one process.

    When process 0 dies, where the coordinator is, JAX's client aborts the others from C++ before their Python hears of
    it. A handler in C, which runs in the thread that aborts, still says why; Python's own would come too late.
    """

    def __init__(self, *, patience: float | None = None):
        self.patience = PATIENCE_SECONDS if patience is None else patience
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._names = [""]
        self._before_abort = _Handler(self._aborting)  # kept here: C counts no references

    def __enter__(self) -> "Watchdog":
        if processes.count() > 1:
            self._names = processes.exchange("host", processes.hostname())
            self._thread.start()
            _at_abort(self._before_abort)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if processes.count() == 1:
            return
        if isinstance(error, jax.errors.JaxRuntimeError):
            self._thread.join(2 * self.patience)  # a sum over all devices fails when one of them is gone: name it
        self._stop.set()
        _at_abort(_Handler())
        if error is None:
            processes.put(_ended(processes.index()), _DONE)
        else:
            self._leave(error)

    def _leave(self, error: BaseException) -> None:
        known = isinstance(error, UserError)
        sentence = str(error) if known else f"{type(error).__name__}: {error}"
        processes.put(_ended(processes.index()), sentence)
        if known:
            print(sentence, file=sys.stderr)
        else:
            traceback.print_exception(error)
        if processes.is_first():
            time.sleep(3 * _BEAT_SECONDS)  # so that the others can still read why
        _exit(2 if known else 1)

    def _watch(self) -> None:
        began: tuple[str | None, float] = (None, time.monotonic())
        others = {number: began for number in range(processes.count()) if number != processes.index()}
        beat = 0
        while not self._stop.wait(_BEAT_SECONDS):
            beat += 1
            try:
                processes.put(_beat(processes.index()), str(beat))
                for number in list(others):
                    others[number] = self._looked_at(number, *others[number])
            except jax.errors.JaxRuntimeError:
                self._end(f"{self._who(0)} is gone")

    def _aborting(self, number: int) -> None:
        """Returns, and lets the process abort, unless it is for the coordinator."""
        if not processes.coordinator_answers():
            self._end(f"{self._who(0)} is gone")

    def _looked_at(self, number: int, before: str | None, since: float) -> tuple[str | None, float]:
        ended = processes.get(_ended(number))
        if ended == _DONE:
            return ended, time.monotonic()
        if ended is not None:
            self._end(f"{self._who(number)} has ended: {ended}")
        now = processes.get(_beat(number))
        if now != before:
            return now, time.monotonic()
        if time.monotonic() - since > self.patience:
            self._end(f"{self._who(number)} has given no sign of life for {self.patience:.0f} s")
        return before, since

    def _who(self, number: int) -> str:
        return f"Process {number} of {processes.count()}, on {self._names[number]},"

    def _end(self, reason: str) -> None:
        if self._stop.is_set():
            return
        print(f"{reason}; start all processes again, and they continue from the last checkpoint.", file=sys.stderr)
        _exit(EXIT_STATUS)


def _at_abort(handler: Any) -> None:
    """Sets C's handler of SIGABRT."""
    ctypes.CDLL(None).signal(signal.SIGABRT, handler)


def _exit(status: int) -> None:
    """Ends the process whatever its threads wait for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _beat(number: int) -> str:
    return f"beat/{number}"


def _ended(number: int) -> str:
    return f"ended/{number}"
