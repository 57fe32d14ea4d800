"""Bakes looks in the background: the old look stays until the new one is ready."""

import collections
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pegasus_jax.core.avatar import Avatar, BakedLook
from pegasus_jax.core.latents import Latent

_KEPT = 4  # looks in memory, shared by all clients


class Bakery:
    """One avatar's looks, baked one after the other."""

    def __init__(self, avatar: Avatar):
        self._avatar = avatar
        self._lock = threading.Lock()
        self._baked: collections.OrderedDict[bytes, BakedLook] = collections.OrderedDict()
        self._wanted: dict[int, bytes] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bakery")

    def request(self, client: int, latent: Latent, ready: Callable[[BakedLook], None]) -> None:
        """Calls `ready` with the baked look, unless the client asks for another one first."""
        key = b"".join(np.asarray(latent[name]).tobytes() for name in sorted(latent))
        with self._lock:
            self._wanted[client] = key
        self._worker.submit(self._bake, client, key, latent, ready)

    def forget(self, client: int) -> None:
        """A client that is gone wants nothing more."""
        with self._lock:
            self._wanted.pop(client, None)

    def close(self) -> None:
        """Bakes no more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _bake(self, client: int, key: bytes, latent: Latent, ready: Callable[[BakedLook], None]) -> None:
        if not self._is_wanted(client, key):
            return
        with self._lock:
            baked = self._baked.get(key)
        baked = baked or self._avatar.bake(latent)
        with self._lock:
            self._baked[key] = baked
            self._baked.move_to_end(key)
            while len(self._baked) > _KEPT:
                self._baked.popitem(last=False)
        if self._is_wanted(client, key):
            ready(baked)

    def _is_wanted(self, client: int, key: bytes) -> bool:
        with self._lock:
            return self._wanted.get(client) == key
