"""One camera for all clients: on while somebody follows it."""

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Protocol

import numpy as np

from pegasus_jax import progress
from pegasus_jax.core.flame_params import FlameParams

Pictures = Generator[tuple[np.ndarray, float], None, None]  # (H, W, 3) uint8 RGB, and when it was taken, in seconds
Told = Callable[[FlameParams | None, str], None]  # what the avatar does (None: as before), and how it goes, in words


class Watcher(Protocol):
    """What `Performer` does. It brings MediaPipe, which a viewer without a camera can do without."""

    @property
    def status(self) -> str:
        """How it goes, in words."""

    def rest(self) -> None:
        """Takes the next pictures as the face at rest."""

    def see(self, image: np.ndarray, seconds: float) -> FlameParams | None:
        """What the avatar does after a picture, if that is known."""


class Live:
    """Watches pictures in a thread of its own, and tells whoever follows."""

    def __init__(
        self, pictures: Callable[[], Pictures], watcher: Callable[[], contextlib.AbstractContextManager[Watcher]]
    ):
        """`pictures` turns the camera on, `watcher` begins to look."""
        self._pictures, self._watcher = pictures, watcher
        self._lock = threading.Lock()
        self._followers: dict[int, Told] = {}
        self._rest = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, client: int, told: Told) -> None:
        """Tells a client of every picture from now on."""
        with self._lock:
            self._followers[client] = told
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()

    def leave(self, client: int) -> None:
        """Tells a client no more; after the last one the camera goes off."""
        with self._lock:
            self._followers.pop(client, None)

    def rest(self) -> None:
        """Takes what the face does now as its rest."""
        self._rest.set()

    def stop(self) -> None:
        """Turns the camera off."""
        with self._lock:
            self._followers.clear()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10.0)

    def _run(self) -> None:
        try:
            with self._watcher() as watcher, contextlib.closing(self._pictures()) as pictures:
                for image, seconds in pictures:
                    followers = self._listening()
                    if not followers:
                        return
                    if self._rest.is_set():
                        self._rest.clear()
                        watcher.rest()
                    drive = watcher.see(image, seconds)
                    _tell(followers, drive, watcher.status)
        except Exception as error:  # whatever a camera or a model has, the viewer goes on without it
            with self._lock:
                self._thread, followers = None, list(self._followers.values())
            _tell(followers, None, f"the camera is off: {error}")

    def _listening(self) -> list[Told]:
        """Who follows; without anybody this thread is no longer the one that watches."""
        with self._lock:
            if not self._followers:
                self._thread = None
            return list(self._followers.values())


def _tell(followers: list[Told], drive: FlameParams | None, words: str) -> None:
    for told in followers:
        try:
            told(drive, words)
        except Exception as error:  # one client's trouble, such as a connection that is gone, is not the others'
            progress.note(f"viewer: a client was not told what the camera sees ({error}).")
